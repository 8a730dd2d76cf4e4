//! WebSocket tunnels between a client and the application.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Version, header};
use hyper::body::Body as _;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::sync::OwnedSemaphorePermit;

use crate::access::field_names::has_member;
use crate::access::websocket::{WEBSOCKET, is_switch};

/// How long the other side may still talk after one has closed: time enough to answer a Close frame.
const LINGER: Duration = Duration::from_secs(15);

/// The client's side of a WebSocket handshake (RFC 6455 §4.1), or `None` where the request is an ordinary one.
///
/// A request to switch to anything else is an ordinary one too; the application answers it as if it could not switch
/// (RFC 9110 §7.8).
pub(super) fn of(request: &mut Request<Body>) -> Option<OnUpgrade> {
    let handshake = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && is_switch(request.headers())
        && has_member(request.headers(), &header::CONNECTION, "upgrade")
        // Bytes after the head would be a body to one side and the tunnel's first frames to the other.
        && request.body().is_end_stream();
    (handshake && request.extensions().get::<OnUpgrade>().is_some()).then(|| hyper::upgrade::on(request))
}

/// Sets the two fields that switch, which were removed as the other connection's.
pub(super) fn set(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

/// Passes bytes both ways until either side closes; the room is taken up until then.
pub(super) async fn splice(client: OnUpgrade, upstream: OnUpgrade, _room: OwnedSemaphorePermit) {
    // The client's side fails if it has gone before it read the 101: then there is nothing to join.
    if let Ok((client, upstream)) = tokio::try_join!(client, upstream) {
        join(client, upstream).await;
    }
}

async fn join(client: Upgraded, upstream: Upgraded) {
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
    let up = pour(from_client, to_upstream);
    let down = pour(from_upstream, to_client);
    tokio::pin!(up, down);
    let lingered = tokio::select! {
        () = &mut up => tokio::time::timeout(LINGER, down).await,
        () = &mut down => tokio::time::timeout(LINGER, up).await,
    };
    // Who has said nothing more by now is cut off with both connections.
    drop(lingered);
}

/// Copies to the end, or to the first error, and passes the end on; a tunnel's errors concern its two ends alone.
async fn pour(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ended = copy(&mut from, &mut to).await;
    let _closed = to.shutdown().await;
}
