//! Streamed bodies that are too long, too slow or cut off

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The pieces of 64 KiB are 100 MB in total. The body is never in memory as a whole.
const PIECE: &[u8; 64 * 1024] = &[b'a'; 64 * 1024];
const PIECE_COUNT: u32 = 1600;

const DRIP_INTERVAL: Duration = Duration::from_millis(100);
const MAX_DRIPS: u32 = 6000;

/// Returns a JSON object with a long string, complete for a client that reads to the end.
pub(super) fn huge() -> Body {
    let piece = |number| {
        let bytes = match number {
            0 => Bytes::from_static(br#"{"pad":""#),
            1..=PIECE_COUNT => Bytes::from_static(PIECE),
            _ => Bytes::from_static(br#""}"#),
        };
        (number <= PIECE_COUNT + 1).then_some((Ok::<_, Infallible>(bytes), number + 1))
    };
    Body::from_stream(stream::unfold(0, move |number| async move { piece(number) }))
}

/// Returns a body of spaces, one per interval until released. JSON allows any number of spaces.
pub(super) fn drip(released: watch::Receiver<()>) -> Body {
    Body::from_stream(stream::unfold((0, released), |(number, mut released)| async move {
        let ended = number > 0 && timeout(DRIP_INTERVAL, released.changed()).await.is_ok();
        let next = (Ok::<_, Infallible>(Bytes::from_static(b" ")), (number + 1, released));
        (!ended && number < MAX_DRIPS).then_some(next)
    }))
}

/// Returns these bytes, then an error that makes the server close the connection.
pub(super) fn broken(bytes: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(bytes), |bytes| async move {
        if let Some(bytes) = bytes {
            return Some((Ok(bytes), None));
        }
        // The bytes must leave the buffer first, or the client would receive nothing.
        sleep(DRIP_INTERVAL).await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    }))
}

/// Waits for this time, or until released.
pub(super) async fn wait(mut released: watch::Receiver<()>, time: Duration) {
    if !time.is_zero() {
        let _ = timeout(time, released.changed()).await;
    }
}
