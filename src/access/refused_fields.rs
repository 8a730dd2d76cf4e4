//! Header fields of a client that make its request refused

use http::HeaderName;
use thiserror::Error;

/// A client sent an alias of a header field that only the gateway may set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the request carries the header {0}, another spelling of a header that only the gateway may set")]
pub struct Alias(pub String);

/// A client sent a header field that only a gateway may send, and the proxy cannot remove it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the request carries the header {0}, which only a gateway may send, and the proxy cannot remove it")]
pub struct ForeignField(pub HeaderName);
