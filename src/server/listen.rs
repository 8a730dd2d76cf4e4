//! Connections of a listener, and their limits
//!
//! 1. At most so many connections at once, a TLS handshake counted; further ones wait in the kernel's queue. One address
//!    that is no trusted proxy's holds a share of them at most; what is beyond that is closed.
//! 2. A TLS handshake within ten seconds; a head within the limits of `head`, and within the time of the listener.
//! 3. A peer that is gone, or takes nothing of what is sent to it, is cut.
//! 4. A panic of a handler is that request's 500, never the connection's or the process's end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::drain::Draining;
use super::head_limits;
use super::limits::Limits;
use super::per_ip_limit::PerIpLimits;
use super::tls::Tls;
use crate::access::client::TrustedProxies;
use crate::edge::peer::Peer;
use crate::flow::ports::{Clock, UnixTime};
use crate::telemetry::log_rate_limit::{Line, LogRateLimit};

/// What a listener serves, and how.
pub(super) struct Service {
    /// Who answers.
    pub(super) app: Router,
    /// Within which limits.
    pub(super) limits: Limits,
    /// Whose connections have no share.
    pub(super) known: TrustedProxies,
    /// With which certificate; plain http without one.
    pub(super) tls: Option<Tls>,
    /// The time of what is logged at a limited rate.
    pub(super) clock: Arc<dyn Clock>,
}

/// A quiet connection is asked this often whether its peer is still there.
const IDLE: Duration = Duration::from_secs(60);
/// A peer that acknowledges nothing of what was sent for so long is cut (RFC 5482).
const TAKES_NOTHING: Duration = Duration::from_secs(30);

/// Lines a minute about connections that were closed at once, and about those that could not be accepted.
const REFUSALS: u32 = 5;
const FAILURES: u32 = 5;

/// Accepts and serves until draining begins; ends when the last connection has ended.
pub(super) async fn serve(listener: TcpListener, service: Service, mut draining: Draining) {
    let Service { app, limits, known, tls, clock } = service;
    let app = app.layer(CatchPanicLayer::new());
    let tls = tls.map(Arc::new);
    // Ends with this listener: dropped, it stops.
    let mut following = JoinSet::new();
    following.spawn(Tls::follow(tls.clone()));
    let shares = PerIpLimits::new(limits.share, known);
    let [refusals, failures] = [REFUSALS, FAILURES].map(LogRateLimit::new);
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        tokio::select! {
            () = draining.begun() => break,
            (stream, peer) = accept(&listener, &failures, &*clock) => {
                let Some(held) = shares.take(peer.ip()) else {
                    closed(peer, &refusals, clock.now());
                    continue;
                };
                // A connection that finds no place waits here, and those behind it in the kernel's queue.
                let place = tokio::select! {
                    () = draining.begun() => break,
                    place = Arc::clone(&places).acquire_owned() => place,
                };
                let known = shares.knows(peer.ip());
                let talk = Talk { app: app.clone(), peer, known, limits, draining: draining.clone() };
                let connection = connection(stream, tls.as_ref().map(|tls| tls.acceptor()), talk);
                tokio::spawn(async move {
                    connection.await;
                    drop((held, place));
                });
            }
        }
    }
    drop(listener);
    // Every place is free again when every connection has ended.
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _all = places.acquire_many(all).await;
}

/// Logs a connection that is closed at once.
fn closed(peer: SocketAddr, refusals: &LogRateLimit, now: UnixTime) {
    if let Some(Line { suppressed }) = refusals.take(now.0) {
        tracing::warn!(%peer, suppressed, "an address that has its share of the connections gets no other");
    }
}

/// The next connection. Never fails: an error says something about one connection, or about this moment.
async fn accept(
    listener: &TcpListener,
    failures: &LogRateLimit,
    clock: &dyn Clock,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                // Out of descriptors, or the peer is gone: the next accept would fail at once again, so it waits.
                if let Some(Line { suppressed }) = failures.take(clock.now().0) {
                    tracing::warn!(%error, suppressed, "a connection could not be accepted");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Cuts a peer that has vanished, or that takes nothing of what is sent to it.
fn watch(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(IDLE).with_interval(IDLE).with_retries(2))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TAKES_NOTHING))?;
    // Replies are small and written whole: waiting to fill a packet would only delay them.
    stream.set_nodelay(true)
}

/// What a connection needs to be served.
struct Talk {
    app: Router,
    peer: SocketAddr,
    /// Whether it is a trusted proxy's address.
    known: bool,
    limits: Limits,
    draining: Draining,
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, talk: Talk) {
    let peer = talk.peer;
    if let Err(error) = watch(&stream) {
        tracing::debug!(%error, %peer, "a connection ended before it began");
        return;
    }
    let Some(tls) = tls else { return talk.http(stream, false).await };
    match timeout(talk.limits.handshake_within, tls.accept(stream)).await {
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        Ok(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
        Ok(Ok(stream)) => {
            // Only a listener that asks for certificates gets one, and it has checked it.
            let certified = stream.get_ref().1.peer_certificates().is_some();
            talk.http(stream, certified).await;
        }
    }
}

impl Talk {
    /// Serves requests until either side ends it.
    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S, certified: bool) {
        let (address, app) = (self.peer, self.app);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer { address, certified });
            let app = app.clone();
            async move {
                match head_limits::refuse(&request) {
                    Some(refusal) => Ok(refusal),
                    None => app.oneshot(request.map(Body::new)).await,
                }
            }
        });
        let [of_a_proxy, of_anybody] = self.limits.head_within;
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(if self.known || certified { of_a_proxy } else { of_anybody })
            .max_headers(2 * head_limits::FIELDS)
            .max_header_size(2 * head_limits::BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades();
        let mut serving = pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            () = self.draining.begun() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %address, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
