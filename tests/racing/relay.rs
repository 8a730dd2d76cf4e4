//! TCP relay between a gateway and Redis
//!
//! 1. Each piece of data is delayed by a random time. The order does not change.
//! 2. A relay that is cut transfers nothing, and its connections stay open. Afterwards, it transfers what it held back,
//!    as the system does after a lost route.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::random::Random;

const BUFFER_BYTES: usize = 16 * 1024;
/// Pieces of data in transit for each direction of a connection.
const MAX_PIECES: usize = 1024;

/// A relay to one server. It stops when it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    control: Arc<Control>,
    accepting: JoinHandle<()>,
}

struct Control {
    server: AtomicU16,
    max_delay: watch::Sender<Duration>,
    cut: watch::Sender<bool>,
    delayed: AtomicUsize,
    held: AtomicUsize,
}

impl Relay {
    /// Starts a relay to a port of this machine.
    pub(crate) async fn start(server: u16, random: Random) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let control = Arc::new(Control {
            server: AtomicU16::new(server),
            max_delay: watch::Sender::new(Duration::ZERO),
            cut: watch::Sender::new(false),
            delayed: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&control), random));
        Self { address, control, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Delays each piece of data by 0 to `max`, in each direction.
    pub(crate) fn delay(&self, max: Duration) {
        self.control.max_delay.send_replace(max);
    }

    /// Cuts the relay, or joins it again.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.control.cut.send_replace(is_cut);
    }

    /// Returns the number of pieces that were delayed.
    pub(crate) fn delayed(&self) -> usize {
        self.control.delayed.load(Ordering::Relaxed)
    }

    /// Returns the number of pieces that a cut held back.
    pub(crate) fn held(&self) -> usize {
        self.control.held.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, control: Arc<Control>, random: Random) {
    for number in 0.. {
        let Ok((client, _)) = listener.accept().await else { continue };
        let (control, random) = (Arc::clone(&control), random.fork(&number.to_string()));
        tokio::spawn(async move {
            let server = control.server.load(Ordering::Relaxed);
            // A client whose server is away gets a closed connection, as without a relay.
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let (client_read, client_write) = client.into_split();
            let (server_read, server_write) = server.into_split();
            tokio::select! {
                () = transfer(client_read, server_write, &control, random.fork("request")) => {}
                () = transfer(server_read, client_write, &control, random.fork("answer")) => {}
            }
        });
    }
}

/// Transfers one direction of a connection until an end closes it.
async fn transfer(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    control: &Control,
    mut random: Random,
) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(MAX_PIECES);
    let reading = async move {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut last = Instant::now();
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let delay = random.up_to(*control.max_delay.borrow());
            control.delayed.fetch_add(usize::from(!delay.is_zero()), Ordering::Relaxed);
            last = last.max(Instant::now() + delay);
            if sender.send((last, buffer[..length].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let writing = async move {
        let mut cut = control.cut.subscribe();
        while let Some((due, piece)) = receiver.recv().await {
            tokio::time::sleep_until(due.into()).await;
            control.held.fetch_add(usize::from(*cut.borrow()), Ordering::Relaxed);
            if cut.wait_for(|is_cut| !is_cut).await.is_err() || to.write_all(&piece).await.is_err() {
                break;
            }
        }
    };
    // What a process sent before it was killed still arrives.
    tokio::join!(reading, writing);
}
