//! The dialect: how one proxy asks, what it can do, and how it is answered.
//!
//! A dialect is one value in a file of its own. Everything else is one path for all ([`crate::edge::checker`]).

use std::net::IpAddr;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, Method, Response};
use thiserror::Error;

use crate::access::client::TrustedProxies;
use crate::access::target::{Target, TargetError};
use crate::edge::peer::Peer;
use crate::edge::reply::Reply;
use crate::flow::caller::Caller;

/// One dialect.
#[derive(Debug)]
pub struct Dialect {
    /// Label, patience and cookie remedy. The label is the last segment of the endpoint's path, too.
    pub caller: Caller,
    /// What the proxy can do.
    pub profile: Profile,
    /// Reads the client's request out of the one that we got.
    pub read: Read,
    /// Renders a reply as the proxy expects it.
    pub render: fn(Reply) -> Response<Body>,
}

/// What a proxy can do.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Who sends the request.
    pub sender: Sender,
    /// Whether `Set-Cookie` of a reply that lets pass reaches the browser.
    pub delivers_cookies: bool,
    /// Whether a reply must name the fields to remove from the client's request; else the proxy's settings do.
    pub names_removals: bool,
    /// How many bytes of header fields it accepts in a reply; `None` if no limit matters.
    pub max_head_bytes: Option<usize>,
}

/// Who sends a request of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A proxy that describes the client's request. It must be trusted, and its operator reads our errors.
    Proxy,
    /// The client.
    Client,
}

/// Reads a request that a peer sent. The client is the one in front of the trusted proxies.
pub type Read = for<'r> fn(&'r Parts, Peer, &TrustedProxies) -> Result<CheckRequest<'r>, ReadError>;

/// The client's request, whichever proxy described it.
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

/// Why a request cannot be read. The proxy's configuration is wrong, or a client plays proxy.
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
    /// The target of the request itself cannot be read.
    #[error(transparent)]
    RequestTarget(TargetError),
}
