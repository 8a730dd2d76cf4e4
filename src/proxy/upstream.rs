//! Where is the application, and how much of us may it take up?

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::body::RequestBody;
use crate::access::headers::OwnedHeaders;

/// Below the five seconds after which Node closes an idle connection: a request on a closing one would be lost.
const IDLE: Duration = Duration::from_secs(4);
const MAX_IDLE: usize = 64;
/// A peer that vanished without a word is noticed, so that its tunnel ends.
const KEEPALIVE: Duration = Duration::from_mins(1);
const MAX_RESPONSE_HEAD: usize = 64 * 1024;

/// How much time and room the application is given.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To open a connection.
    pub connect: Duration,
    /// To answer with a response head, once the request stops moving; a response body may stream without end.
    pub response_head: Duration,
    /// Requests under way, from first byte to last byte of the response.
    pub requests: usize,
    /// Open WebSockets: counted apart, so that sockets that stay open for hours leave room for requests.
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

/// The application behind us.
#[derive(Debug)]
pub struct Upstream {
    pub(super) authority: Authority,
    pub(super) owned: Arc<OwnedHeaders>,
    /// Takes the cookies that only we may set out of an answer.
    pub(super) keep_out: fn(&mut HeaderMap),
    pub(super) client: Client<HttpConnector, RequestBody>,
    pub(super) limits: Limits,
    requests: Arc<Semaphore>,
    tunnels: Arc<Semaphore>,
}

/// Why a URL is not an application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// TLS to the application is not offered yet.
    #[error("its scheme is not http")]
    Scheme,
    /// Targets are passed on unchanged, so there is nothing a path or a query could mean.
    #[error("it has more than scheme, host and port")]
    MoreThanOrigin,
    /// The host cannot be written in a request.
    #[error("its host is not one a request can name")]
    Host,
}

impl Upstream {
    /// The application at `http://host[:port]`, with the usual limits; `keep_out` takes cookies that only we may set out
    /// of its answers.
    pub fn new(url: &Url, owned: OwnedHeaders, keep_out: fn(&mut HeaderMap)) -> Result<Self, UpstreamError> {
        Self::with_limits(url, owned, keep_out, Limits::default())
    }

    /// The application at `http://host[:port]`.
    pub fn with_limits(
        url: &Url,
        owned: OwnedHeaders,
        keep_out: fn(&mut HeaderMap),
        limits: Limits,
    ) -> Result<Self, UpstreamError> {
        Ok(Self {
            authority: authority(url)?,
            owned: Arc::new(owned),
            keep_out,
            client: client(limits.connect),
            limits,
            requests: Arc::new(Semaphore::new(limits.requests)),
            tunnels: Arc::new(Semaphore::new(limits.tunnels)),
        })
    }

    /// Room for one more request; nobody queues, because a queue in front of a slow application only makes it slower.
    pub(super) fn room_for_request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }

    /// Room for one more WebSocket.
    pub(super) fn room_for_tunnel(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.tunnels).try_acquire_owned().ok()
    }
}

fn authority(url: &Url) -> Result<Authority, UpstreamError> {
    if url.scheme() != "http" {
        return Err(UpstreamError::Scheme);
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(UpstreamError::MoreThanOrigin);
    }
    Authority::try_from(url.authority()).map_err(|_| UpstreamError::Host)
}

fn client(connect: Duration) -> Client<HttpConnector, RequestBody> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(connect));
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE)
        .http1_max_buf_size(MAX_RESPONSE_HEAD)
        .build(connector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_origin_is_an_application() {
        let read = |text: &str| authority(&Url::parse(text).unwrap());
        assert_eq!(read("http://headlamp.svc.:4466").unwrap(), "headlamp.svc.:4466");
        assert_eq!(read("http://[::1]/").unwrap(), "[::1]");
        assert_eq!(read("https://a.test"), Err(UpstreamError::Scheme));
        assert_eq!(read("file:///etc"), Err(UpstreamError::Scheme));
        for more in
            ["http://a.test/x", "http://a.test?x", "http://u@a.test", "http://:p@a.test", "http://a.test/#x"]
        {
            assert_eq!(read(more), Err(UpstreamError::MoreThanOrigin), "{more}");
        }
    }
}
