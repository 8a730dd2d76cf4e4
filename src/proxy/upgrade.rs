//! WebSocket tunnels between a client and the application

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::{HeaderMap, HeaderValue, Method, Request, Version, header};
use hyper::body::Body as _;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink, split};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep, timeout};

use super::frames::{Frames, POLICY_VIOLATION};
use crate::access::field_names::has_member;
use crate::access::websocket::{WEBSOCKET, is_switch};

/// The time that the other side has to send after one side has closed, enough to answer a Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);
/// The time for the end of the current frame, and for the client's answer, after a session has ended.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);
const BUFFER_BYTES: usize = 8 * 1024;

/// Returns the client's side of a WebSocket handshake (RFC 6455 §4.1), or `None` for an ordinary request.
///
/// A request to switch to another protocol is also an ordinary request. The application responds as if it did not
/// support the switch (RFC 9110 §7.8).
pub(super) fn take_client_upgrade(request: &mut Request<Body>) -> Option<OnUpgrade> {
    let handshake = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && is_switch(request.headers())
        && has_member(request.headers(), &header::CONNECTION, "upgrade")
        // One side would read bytes after the head as a body, the other as the tunnel's first frames.
        && request.body().is_end_stream();
    (handshake && request.extensions().get::<OnUpgrade>().is_some()).then(|| hyper::upgrade::on(request))
}

/// Sets the two fields of the protocol switch, which were removed as hop-by-hop fields.
pub(super) fn set_fields(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

/// Copies bytes both ways until either side closes, or the session ends. Holds the permit until then.
pub(super) async fn splice(
    client: OnUpgrade,
    upstream: OnUpgrade,
    _permit: OwnedSemaphorePermit,
    session_end: BoxFuture<'static, ()>,
) {
    // The client's side fails if the client disconnected before it read the 101. Then there is nothing to connect.
    if let Ok((client, upstream)) = tokio::try_join!(client, upstream) {
        copy_both_ways(client, upstream, session_end).await;
    }
}

type SessionEnd = Shared<BoxFuture<'static, ()>>;

/// How one direction of a tunnel ended.
#[derive(PartialEq, Eq)]
enum End {
    /// Its sender closed it, or its connection failed.
    Closed,
    /// The session has ended.
    Session,
}

async fn copy_both_ways(client: Upgraded, upstream: Upgraded, session_end: BoxFuture<'static, ()>) {
    let (mut from_client, to_client) = split(TokioIo::new(client));
    let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
    let session_end = session_end.shared();
    let ended = {
        let up = copy_to_application(&mut from_client, to_upstream, session_end.clone());
        let down = copy_frames(from_upstream, to_client, session_end);
        tokio::pin!(up, down);
        tokio::select! {
            end = &mut up => {
                let other_side = timeout(CLOSE_TIMEOUT, down).await;
                if end == End::Session { end } else { other_side.unwrap_or(end) }
            }
            end = &mut down => {
                if end == End::Closed {
                    let _other_side = timeout(CLOSE_TIMEOUT, up).await;
                }
                end
            }
        }
    };
    if ended == End::Session {
        // The client reads the Close frame before its connection ends. What it still sends goes nowhere.
        let _answer = timeout(LEAVE_TIMEOUT, copy(&mut from_client, &mut sink())).await;
    }
    // Both connections are closed here.
}

/// Copies until the end or the first error, then shuts down the writer. Errors of a tunnel concern only its two ends.
/// When the session ends, nothing more reaches the application.
async fn copy_to_application(
    from: &mut (impl AsyncRead + Unpin),
    mut to: impl AsyncWrite + Unpin,
    session_end: SessionEnd,
) -> End {
    let end = tokio::select! {
        biased;
        () = session_end => End::Session,
        _ended = copy(from, &mut to) => End::Closed,
    };
    let _closed = to.shutdown().await;
    end
}

/// Copies frames to the client until the end or the first error. When the session ends, the last complete frame is
/// followed by a Close frame, unless the current frame does not end soon.
async fn copy_frames(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut session_end: SessionEnd,
) -> End {
    let (mut frames, mut buffer) = (Frames::default(), vec![0; BUFFER_BYTES]);
    let mut end = End::Closed;
    let mut deadline = pin!(pending().left_future::<Sleep>());
    loop {
        if end == End::Session && frames.is_between() {
            let _written = to.write_all(&POLICY_VIOLATION).await;
            break;
        }
        let count = tokio::select! {
            biased;
            () = &mut session_end, if end == End::Closed => {
                end = End::Session;
                deadline.set(sleep(LEAVE_TIMEOUT).right_future());
                continue;
            }
            () = &mut deadline => break,
            count = from.read(&mut buffer) => count.unwrap_or(0),
        };
        let read = buffer.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        let complete = if end == End::Session { frames.finish(read) } else { frames.read_all(read) };
        let bytes = buffer.get(..complete).unwrap_or_default();
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    let _closed = to.shutdown().await;
    end
}
