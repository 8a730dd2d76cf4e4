//! Application address, connection pool and limits

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::body::RequestBody;
use crate::access::headers::OwnedHeaders;

/// Shorter than the five seconds after which Node closes an idle connection: a request on a closing connection would
/// be lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_CONNECTIONS: usize = 64;
/// TCP keepalive detects a peer that disappeared without closing the connection, so that its tunnel ends.
const TCP_KEEPALIVE: Duration = Duration::from_mins(1);
const MAX_RESPONSE_HEAD_BYTES: usize = 64 * 1024;

/// Limits on the time and the concurrency of the application.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Timeout for opening a connection.
    pub connect: Duration,
    /// Timeout for the response head, from the last progress of the request. A response body may stream without end.
    pub response_head: Duration,
    /// Maximum of concurrent requests, each counted from its first byte to the last byte of its response.
    pub requests: usize,
    /// Maximum of open WebSockets, counted separately, so that long-lived sockets do not use up the limit of
    /// requests.
    pub tunnels: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response_head: Duration::from_mins(1),
            requests: 1024,
            tunnels: 1024,
        }
    }
}

/// The application behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// The `Host` for the application, or `None` for that of the public origin.
    pub(super) host: Option<HeaderValue>,
    pub(super) owned: Arc<OwnedHeaders>,
    /// Removes the cookies that only the gateway may set from a response.
    pub(super) remove_own_cookies: fn(&mut HeaderMap),
    pub(super) client: Client<HttpsConnector<HttpConnector>, RequestBody>,
    pub(super) limits: Limits,
    requests: Arc<Semaphore>,
    tunnels: Arc<Semaphore>,
}

/// The reason why a URL cannot be that of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// Only HTTP is spoken.
    #[error("its scheme is neither http nor https")]
    Scheme,
    /// Targets are forwarded unchanged, so a path or a query would have no meaning.
    #[error("it has more than scheme, host and port")]
    MoreThanOrigin,
    /// The host is not valid in a request.
    #[error("its host is not valid in a request")]
    Host,
}

impl Upstream {
    /// Creates the application at `http://host[:port]` or `https://host[:port]` with the default limits.
    /// `remove_own_cookies` removes the cookies that only the gateway may set from its responses.
    pub fn new(
        url: &Url,
        tls: ClientConfig,
        owned: OwnedHeaders,
        remove_own_cookies: fn(&mut HeaderMap),
    ) -> Result<Self, UpstreamError> {
        Self::with_limits(url, tls, owned, remove_own_cookies, Limits::default())
    }

    /// Sets the `Host` that the application receives.
    #[must_use]
    pub fn with_host(self, host: Option<HeaderValue>) -> Self {
        Self { host, ..self }
    }

    /// The same with the given limits.
    pub fn with_limits(
        url: &Url,
        tls: ClientConfig,
        owned: OwnedHeaders,
        remove_own_cookies: fn(&mut HeaderMap),
        limits: Limits,
    ) -> Result<Self, UpstreamError> {
        Ok(Self {
            scheme: if url.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority(url)?,
            host: None,
            owned: Arc::new(owned),
            remove_own_cookies,
            client: client(tls, limits.connect),
            limits,
            requests: Arc::new(Semaphore::new(limits.requests)),
            tunnels: Arc::new(Semaphore::new(limits.tunnels)),
        })
    }

    /// Returns a permit for one more request. There is no queue, because it would make a slow application even
    /// slower.
    pub(super) fn try_acquire_request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }

    /// Returns a permit for one more WebSocket.
    pub(super) fn try_acquire_tunnel(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.tunnels).try_acquire_owned().ok()
    }
}

fn authority(url: &Url) -> Result<Authority, UpstreamError> {
    if !["http", "https"].contains(&url.scheme()) {
        return Err(UpstreamError::Scheme);
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(UpstreamError::MoreThanOrigin);
    }
    Authority::try_from(url.authority()).map_err(|_| UpstreamError::Host)
}

fn client(tls: ClientConfig, connect: Duration) -> Client<HttpsConnector<HttpConnector>, RequestBody> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(connect));
    connector.set_keepalive(Some(TCP_KEEPALIVE));
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .http1_max_buf_size(MAX_RESPONSE_HEAD_BYTES)
        .build(connector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_url_with_more_than_http_origin_is_rejected() {
        let read = |text: &str| authority(&Url::parse(text).unwrap());
        assert_eq!(read("http://headlamp.svc.:4466").unwrap(), "headlamp.svc.:4466");
        assert_eq!(read("http://[::1]/").unwrap(), "[::1]");
        assert_eq!(read("https://a.test").unwrap(), "a.test");
        assert_eq!(read("file:///etc"), Err(UpstreamError::Scheme));
        for more in
            ["http://a.test/x", "http://a.test?x", "http://u@a.test", "http://:p@a.test", "http://a.test/#x"]
        {
            assert_eq!(read(more), Err(UpstreamError::MoreThanOrigin), "{more}");
        }
    }
}
