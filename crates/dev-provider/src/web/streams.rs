//! How is a body sent that is too long, too slow or cut off, without holding it in memory?

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// 100 MB in all, in pieces of 64 KiB.
const PIECE: &[u8; 64 * 1024] = &[b'a'; 64 * 1024];
const PIECES: u32 = 1600;

const DRIP: Duration = Duration::from_millis(100);
const DRIPS: u32 = 6000;
const STALL: Duration = Duration::from_mins(1);

/// A JSON string inside an object, ended properly for who reads that far.
pub(super) fn huge() -> Body {
    let piece = |number| {
        let bytes = match number {
            0 => Bytes::from_static(br#"{"pad":""#),
            1..=PIECES => Bytes::from_static(PIECE),
            _ => Bytes::from_static(br#""}"#),
        };
        (number <= PIECES + 1).then_some((Ok::<_, Infallible>(bytes), number + 1))
    };
    Body::from_stream(stream::unfold(0, move |number| async move { piece(number) }))
}

/// A space now and then until released; JSON allows any number of them.
pub(super) fn drip(released: watch::Receiver<()>) -> Body {
    Body::from_stream(stream::unfold((0, released), |(number, mut released)| async move {
        let over = number > 0 && timeout(DRIP, released.changed()).await.is_ok();
        let next = (Ok::<_, Infallible>(Bytes::from_static(b" ")), (number + 1, released));
        (!over && number < DRIPS).then_some(next)
    }))
}

/// These bytes, then an error that makes the server drop the connection.
pub(super) fn broken(bytes: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(bytes), |bytes| async move {
        if let Some(bytes) = bytes {
            return Some((Ok(bytes), None));
        }
        // What came before has to leave the buffer, or the client would see nothing at all.
        sleep(DRIP).await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    }))
}

/// Waits a minute, or until released.
pub(super) async fn stall(mut released: watch::Receiver<()>) {
    let _ = timeout(STALL, released.changed()).await;
}
