//! WebSocket tunnels between a client and the application

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

/// The time that the other side has to send after one side has closed, enough to answer a Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

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

/// Copies bytes both ways until either side closes. Holds the permit until then.
pub(super) async fn splice(client: OnUpgrade, upstream: OnUpgrade, _permit: OwnedSemaphorePermit) {
    // The client's side fails if the client disconnected before it read the 101. Then there is nothing to connect.
    if let Ok((client, upstream)) = tokio::try_join!(client, upstream) {
        copy_both_ways(client, upstream).await;
    }
}

async fn copy_both_ways(client: Upgraded, upstream: Upgraded) {
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
    let up = copy_and_shut_down(from_client, to_upstream);
    let down = copy_and_shut_down(from_upstream, to_client);
    tokio::pin!(up, down);
    let other_side = tokio::select! {
        () = &mut up => tokio::time::timeout(CLOSE_TIMEOUT, down).await,
        () = &mut down => tokio::time::timeout(CLOSE_TIMEOUT, up).await,
    };
    // After the timeout, both connections are closed.
    drop(other_side);
}

/// Copies until the end or the first error, then shuts down the writer. Errors of a tunnel concern only its two ends.
async fn copy_and_shut_down(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ended = copy(&mut from, &mut to).await;
    let _closed = to.shutdown().await;
}
