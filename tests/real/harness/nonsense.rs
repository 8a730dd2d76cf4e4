//! Server that answers nonsense in place of the gateway

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::{Reason, server};
use http::{HeaderMap, HeaderValue, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The kinds of nonsense. Over HTTP/1.1 and over gRPC, a reader that guesses could take each for a 200.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nonsense {
    /// Bytes that are no reply.
    NotHttp,
    /// A 200 that ends in its head, or before its message.
    HalfReply,
    /// A 200 with an invalid length, or with a message that cannot be decoded.
    InvalidMessage,
}

/// A running server. It closes each HTTP/1.1 connection after one reply.
pub(crate) struct NonsenseServer {
    state: Arc<State>,
    tasks: Vec<JoinHandle<()>>,
}

struct State {
    kind: Mutex<Nonsense>,
    /// The replies of this kind.
    replies: AtomicUsize,
}

impl State {
    /// Counts a reply, and returns what it must be.
    fn next(&self) -> Nonsense {
        self.replies.fetch_add(1, Ordering::Relaxed);
        *self.kind.lock().unwrap()
    }
}

impl NonsenseServer {
    /// Listens at the addresses, which must be free.
    pub(crate) async fn start(addresses: &[SocketAddr]) -> Self {
        let state = Arc::new(State { kind: Mutex::new(Nonsense::NotHttp), replies: AtomicUsize::new(0) });
        let mut tasks = Vec::new();
        for address in addresses {
            let listener = TcpListener::bind(address).await.unwrap();
            let state = Arc::clone(&state);
            tasks.push(tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, Arc::clone(&state)));
                }
            }));
        }
        Self { state, tasks }
    }

    /// Sets what the next replies are.
    pub(crate) fn set(&self, kind: Nonsense) {
        *self.state.kind.lock().unwrap() = kind;
        self.state.replies.store(0, Ordering::Relaxed);
    }

    /// Returns the number of replies since the kind was set.
    pub(crate) fn replies(&self) -> usize {
        self.state.replies.load(Ordering::Relaxed)
    }
}

impl Drop for NonsenseServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn answer(mut stream: TcpStream, state: Arc<State>) {
    let mut start = [0; 3];
    let is_http2 = stream.peek(&mut start).await.is_ok() && start == *b"PRI";
    if is_http2 && !matches!(*state.kind.lock().unwrap(), Nonsense::NotHttp) {
        return answer_grpc(stream, &state).await;
    }
    let mut request = [0; 64 * 1024];
    let mut length = 0;
    while let Ok(count @ 1..) = stream.read(&mut request[length..]).await {
        length += count;
        if request[..length].ends_with(b"\r\n\r\n") || is_http2 || length == request.len() {
            break;
        }
    }
    let reply = match state.next() {
        Nonsense::NotHttp => "200 OK X-Forwarded-User: evil\r\n\r\n",
        Nonsense::HalfReply => "HTTP/1.1 200 OK\r\nX-Forwarded-User: evil\r\n",
        Nonsense::InvalidMessage => {
            "HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\nX-Forwarded-User: evil\r\n\r\n"
        }
    };
    // The proxy may be gone.
    let _written = stream.write_all(reply.as_bytes()).await;
}

async fn answer_grpc(stream: TcpStream, state: &State) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((_request, mut respond))) = connection.accept().await {
        let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
        let Ok(mut body) = respond.send_response(head, false) else { continue };
        if matches!(state.next(), Nonsense::InvalidMessage) {
            // A message of five bytes, none of which begins a field of protobuf.
            let message = Bytes::from_static(&[0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff]);
            let status =
                HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
            let _sent = body.send_data(message, false).and_then(|()| body.send_trailers(status));
        } else {
            body.send_reset(Reason::INTERNAL_ERROR);
        }
    }
}
