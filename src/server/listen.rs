//! Connections of a listener, and their limits
//!
//! 1. The number of open connections is limited, and a TLS handshake counts. Further connections wait in the kernel's
//!    queue.
//! 2. An address that is not a trusted proxy's has its own limit. Its connections beyond that are closed.
//! 3. A TLS handshake must finish within ten seconds.
//! 4. A head must meet the limits of `head_limits` and arrive within the listener's timeout.
//! 5. A connection is cut if its peer has vanished or acknowledges none of the data sent to it.
//! 6. If a handler panics, that request gets a 500. The connection and the process continue.
//! 7. Over HTTP/2, the number of concurrent requests of a connection is limited. A connection of a client that is no
//!    proxy ends after the time that a head may take, because HTTP/2 has no limit for a single head.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::drain::Draining;
use super::head_limits;
use super::limits::Limits;
use super::per_ip_limit::PerIpLimits;
use super::streams::Streams;
use super::tls::Tls;
use crate::access::client::TrustedProxies;
use crate::certificate::Protocol;
use crate::edge::head_size::{MAX_FIELDS, MAX_HEAD_BYTES};
use crate::edge::peer::Peer;
use crate::flow::ports::{Clock, UnixTime};
use crate::telemetry::log_rate_limit::{Line, LogRateLimit};

/// The application of a listener and how it is served.
pub(super) struct Service {
    /// Answers the requests.
    pub(super) app: Router,
    /// The limits of the listener.
    pub(super) limits: Limits,
    /// The protocol of all connections.
    pub(super) protocol: Protocol,
    /// The proxies whose connections have no limit per address.
    pub(super) trusted_proxies: TrustedProxies,
    /// The certificate. Without one, the listener serves plain HTTP.
    pub(super) tls: Option<Tls>,
    /// The clock for the rate limit of log lines.
    pub(super) clock: Arc<dyn Clock>,
}

/// The interval of keep-alive probes on an idle connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
/// A connection is cut if its peer acknowledges none of the data sent for this time (RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The limit of concurrent requests of a connection over HTTP/2. Envoy opens one connection for each of its threads.
const MAX_CONCURRENT_STREAMS: u32 = 1024;
/// The same for a client that is no proxy. Its requests are refused, but only after their messages were read.
const MAX_CLIENT_STREAMS: u32 = 8;
/// The number of bytes that such a client may send before they are read.
const CLIENT_WINDOW_BYTES: u32 = 64 * 1024;
/// The limit of the head of a gRPC request. The header fields of the client are in its body.
const MAX_GRPC_HEAD_BYTES: u32 = 16 * 1024;

/// Log lines a minute about connections that were closed because of the limit per address.
const MAX_REFUSAL_LINES: u32 = 5;
/// Log lines a minute about connections that could not be accepted.
const MAX_FAILURE_LINES: u32 = 5;

/// Accepts and serves connections until the drain starts. Returns when the last connection has ended.
pub(super) async fn serve(listener: TcpListener, service: Service, mut draining: Draining) {
    let Service { app, limits, protocol, trusted_proxies, tls, clock } = service;
    let app = app.layer(CatchPanicLayer::new());
    let tls = tls.map(Arc::new);
    // The task stops when the set is dropped, together with this listener.
    let mut file_follower = JoinSet::new();
    file_follower.spawn(Tls::follow_files(tls.clone()));
    let per_ip = PerIpLimits::new(limits.per_ip, trusted_proxies);
    let [refusals, failures] = [MAX_REFUSAL_LINES, MAX_FAILURE_LINES].map(LogRateLimit::new);
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        tokio::select! {
            () = draining.wait_for_start() => break,
            (stream, peer) = accept(&listener, &failures, &*clock) => {
                let Some(per_ip_permit) = per_ip.acquire(peer.ip()) else {
                    log_refusal(peer, &refusals, clock.now());
                    continue;
                };
                // At the limit, this connection waits here, and later ones wait in the kernel's queue.
                let permit = tokio::select! {
                    () = draining.wait_for_start() => break,
                    permit = Arc::clone(&permits).acquire_owned() => permit,
                };
                let is_proxy = per_ip.is_trusted_proxy(peer.ip());
                let draining = draining.clone();
                let context = Context { app: app.clone(), peer, is_proxy, limits, protocol, draining };
                let connection = serve_connection(stream, tls.as_ref().map(|tls| tls.acceptor()), context);
                tokio::spawn(async move {
                    connection.await;
                    drop((per_ip_permit, permit));
                });
            }
        }
    }
    drop(listener);
    // All permits are available when every connection has ended.
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _all = permits.acquire_many(all).await;
}

/// Logs a connection that is closed because of the limit per address.
fn log_refusal(peer: SocketAddr, refusals: &LogRateLimit, now: UnixTime) {
    if let Some(Line { suppressed }) = refusals.take(now.0) {
        tracing::warn!(%peer, suppressed, "connection closed: its address has reached the limit of connections per address");
    }
}

/// Returns the next connection. Never fails: an error concerns a single connection or is temporary.
async fn accept(
    listener: &TcpListener,
    failures: &LogRateLimit,
    clock: &dyn Clock,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                // There are no free descriptors, or the peer has vanished. The pause keeps the loop from failing again
                // at once.
                if let Some(Line { suppressed }) = failures.take(clock.now().0) {
                    tracing::warn!(%error, suppressed, "connection could not be accepted");
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Sets the options that cut a connection if its peer has vanished or acknowledges no data.
fn set_socket_options(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(KEEPALIVE_INTERVAL).with_interval(KEEPALIVE_INTERVAL).with_retries(2),
    )?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    // Responses are small and written in one piece, so that waiting for a full packet would only delay them.
    stream.set_nodelay(true)
}

/// The state that serving one connection needs.
struct Context {
    app: Router,
    peer: SocketAddr,
    /// Whether the peer has a trusted proxy's address.
    is_proxy: bool,
    limits: Limits,
    protocol: Protocol,
    draining: Draining,
}

async fn serve_connection(stream: TcpStream, tls: Option<TlsAcceptor>, context: Context) {
    let peer = context.peer;
    if let Err(error) = set_socket_options(&stream) {
        tracing::debug!(%error, %peer, "connection closed: its socket options could not be set");
        return;
    }
    let Some(tls) = tls else { return context.serve_http(stream, false).await };
    match timeout(context.limits.handshake_timeout, tls.accept(stream)).await {
        Err(_) => tracing::debug!(%peer, "TLS handshake timed out"),
        Ok(Err(error)) => tracing::debug!(%error, %peer, "TLS handshake failed"),
        Ok(Ok(stream)) => {
            // Only a listener that requests certificates receives one, and the handshake has verified it.
            let certified = stream.get_ref().1.peer_certificates().is_some();
            context.serve_http(stream, certified).await;
        }
    }
}

impl Context {
    /// Serves requests until either side closes the connection.
    async fn serve_http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: S,
        certified: bool,
    ) {
        let Self { app, peer: address, is_proxy, limits, protocol, mut draining } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer { address, certified });
            let app = app.clone();
            async move {
                match head_limits::reject_large_head(&request) {
                    Some(rejection) => Ok(rejection),
                    None => app.oneshot(request.map(Body::new)).await,
                }
            }
        });
        let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(service));
        let is_proxy = is_proxy || certified;
        let ended = match protocol {
            Protocol::Http1 => {
                let serving =
                    http1_builder(limits, is_proxy).serve_connection(stream, service).with_upgrades();
                let mut serving = pin!(serving);
                tokio::select! {
                    ended = &mut serving => ended,
                    () = draining.wait_for_start() => {
                        serving.as_mut().graceful_shutdown();
                        serving.await
                    }
                }
            }
            Protocol::Http2 => {
                let streams = Streams::default();
                let mut serving =
                    pin!(http2_builder(streams.clone(), is_proxy).serve_connection(stream, service));
                let connection = async {
                    tokio::select! {
                        ended = &mut serving => ended,
                        () = draining.wait_for_start() => {
                            serving.as_mut().graceful_shutdown();
                            serving.await
                        }
                    }
                };
                let connection = streams.run(connection);
                tokio::select! {
                    ended = connection => ended,
                    () = sleep(limits.client_head_timeout), if !is_proxy => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %address, "connection ended with an error");
        }
    }
}

fn http1_builder(limits: Limits, is_proxy: bool) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(if is_proxy { limits.proxy_head_timeout } else { limits.client_head_timeout })
        .max_headers(2 * MAX_FIELDS)
        .max_header_size(2 * MAX_HEAD_BYTES);
    builder
}

fn http2_builder(streams: Streams, is_proxy: bool) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(USER_TIMEOUT)
        .max_concurrent_streams(if is_proxy { MAX_CONCURRENT_STREAMS } else { MAX_CLIENT_STREAMS })
        .max_header_list_size(MAX_GRPC_HEAD_BYTES);
    if !is_proxy {
        builder
            .initial_stream_window_size(CLIENT_WINDOW_BYTES)
            .initial_connection_window_size(CLIENT_WINDOW_BYTES);
    }
    builder
}

#[cfg(test)]
mod tests;
