//! Dialects: how a proxy describes requests, what it can do, and how it expects replies
//!
//! A dialect is one value in its own file. Everything else is the same for all dialects ([`crate::edge::checker`]).

use std::net::IpAddr;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, Method, Response};
use thiserror::Error;

use super::original_url::OriginalUrlError;
use crate::access::client::TrustedProxies;
use crate::access::field_names::{X_FORWARDED_FOR, only_value};
use crate::access::target::{Target, TargetError};
use crate::edge::peer::Peer;
use crate::edge::reply::Reply;
use crate::flow::caller::Caller;

/// One dialect.
#[derive(Debug)]
pub struct Dialect {
    /// Label, patience and cookie remedy. The label is also the last segment of the path of the check.
    pub caller: Caller,
    /// What the proxy can do.
    pub profile: Profile,
    /// Reads the client's request from the one that the gateway received.
    pub read: Read,
}

/// One dialect whose checks are HTTP requests.
#[derive(Debug)]
pub struct HttpDialect {
    /// The dialect.
    pub dialect: Dialect,
    /// Renders a reply as the proxy expects it.
    pub render: fn(Reply) -> Response<Body>,
}

/// What a proxy can do.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The sender of the request.
    pub sender: Sender,
    /// Whether `Set-Cookie` reaches the browser if the request passes.
    pub delivers_cookies: bool,
    /// How the proxy removes fields from the client's request.
    pub removals: Removals,
    /// When the proxy asks.
    pub asks: Asks,
    /// What the proxy appends to the path of the check.
    pub appends: Appends,
    /// Whether the proxy forwards only those header fields of the client that its settings list. If a check shows no
    /// client, its kind is then unknown.
    pub forwards_listed_fields: bool,
    /// The maximum size of the header fields of a reply, in bytes, or `None` if no limit matters.
    pub max_head_bytes: Option<usize>,
}

impl Profile {
    /// Returns the profile of a proxy that forwards all fields of the client to the gateway, delivers cookies, and
    /// removes fields by its own settings.
    pub(in crate::edge) const fn forward_auth(sender: Sender) -> Self {
        Self {
            sender,
            delivers_cookies: true,
            removals: Removals::Patterns,
            asks: Asks::Always,
            appends: Appends::Nothing,
            forwards_listed_fields: false,
            max_head_bytes: None,
        }
    }
}

/// The beginning of the `User-Agent` of Go's HTTP library, which some proxies use.
pub(super) const GO_USER_AGENT: &str = "Go-http-client/";

/// How a proxy removes fields from the client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removals {
    /// By patterns in its settings.
    Patterns,
    /// By whole names in its settings. The gateway refuses a request with any other field that must not pass.
    WholeNames,
    /// By whole names in its settings and in the reply.
    Reply,
    /// As [`Removals::Reply`]. But the proxy may also copy all fields of the reply onto the client's request, even those
    /// that are not meant for the application.
    ReplyThatIsCopied,
}

/// What a proxy appends to the path of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appends {
    /// Nothing: the operator wrote the query of the check, if it has one.
    Nothing,
    /// The query of the client, unless the operator wrote one.
    Query,
    /// The path and query of the client.
    Target,
}

/// When a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// For each request.
    Always,
    /// Only after another check refused the request. The reply is for the client, so it never lets the request pass.
    AfterRefusal,
}

/// The sender of a request of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A proxy that describes the client's request. It must be trusted, and its operator reads the errors.
    Proxy {
        /// The beginning of the `User-Agent` that the proxy itself sends if it does not forward the client's.
        own_user_agent: Option<&'static str>,
        /// What the operator must change if the proxy forwards too few header fields of clients.
        header_remedy: &'static str,
    },
    /// The client.
    Client,
}

/// Reads the client's request from the one that the gateway received.
pub type Read = for<'r> fn(Received<'r>) -> Result<CheckRequest<'r>, ReadError>;

/// A request that the gateway received from a peer.
#[derive(Clone, Copy)]
pub struct Received<'r> {
    /// The head.
    pub head: &'r Parts,
    /// The client's path and query as the proxy appended them to the path of the check, not decoded. Empty in a
    /// dialect that appends nothing.
    pub appended: &'r str,
    /// The sender.
    pub peer: Peer,
    /// The proxies whose entries in `X-Forwarded-For` are trusted.
    pub trusted: &'r TrustedProxies,
}

impl Received<'_> {
    /// Returns the client's address in `X-Forwarded-For`, or that of the peer if the field is not present exactly
    /// once. For proxies that append the address only by a setting.
    pub(super) fn client_or_peer(&self) -> Result<IpAddr, ReadError> {
        let Some(addresses) = only_value(&self.head.headers, &X_FORWARDED_FOR) else {
            return Ok(self.peer.ip());
        };
        self.trusted
            .client(addresses.as_bytes())
            .ok_or(ReadError::Malformed(X_FORWARDED_FOR, "its last entry is not an address"))
    }
}

/// The client's request, independent of the dialect.
#[derive(Debug)]
pub struct CheckRequest<'r> {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: Target<'r>,
    /// The host.
    pub host: &'r str,
    /// The client's address, as the trusted proxies saw it.
    pub client: IpAddr,
}

/// Why a request cannot be read: the proxy's configuration is wrong, or a client acts as a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The field is missing.
    #[error("the header {0} is missing: the proxy must set it")]
    Missing(HeaderName),
    /// The field came more than once.
    #[error("the header {0} came more than once: the proxy must replace what the client sends")]
    Repeated(HeaderName),
    /// The field cannot be read.
    #[error("the header {0} cannot be read: {1}")]
    Malformed(HeaderName, &'static str),
    /// The target in the field cannot be read.
    #[error("the header {0} cannot be read: {1}")]
    Target(HeaderName, TargetError),
    /// The URL in the field cannot be read.
    #[error("the header {0} cannot be read: {1}")]
    Url(HeaderName, OriginalUrlError),
    /// The target of the request itself cannot be read.
    #[error(transparent)]
    RequestTarget(TargetError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn client_is_the_last_untrusted_entry_and_else_the_peer() {
        let client = |fields: &[&str]| {
            let request = fields
                .iter()
                .fold(Request::builder(), |request, value| request.header(X_FORWARDED_FOR, *value));
            let (head, ()) = request.body(()).unwrap().into_parts();
            let mut trusted = TrustedProxies::default();
            trusted.add("10.0.0.0/8").unwrap();
            let peer = Peer { address: "10.0.0.1:9".parse().unwrap(), certified: false };
            let received = Received { head: &head, appended: "", peer, trusted: &trusted };
            received.client_or_peer().map(|client| client.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(client(&["192.0.2.7, 203.0.113.9, 10.0.0.2"]).unwrap(), "203.0.113.9");
        assert_eq!(client(&[]).unwrap(), "10.0.0.1");
        assert_eq!(client(&["203.0.113.9", "203.0.113.10"]).unwrap(), "10.0.0.1");
        assert!(client(&["203.0.113.9, unknown"]).unwrap_err().contains("its last entry is not an address"));
    }
}
