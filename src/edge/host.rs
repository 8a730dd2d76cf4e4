//! Host of a request to the public listener

use http::{HeaderMap, header};

use crate::access::field_names::only_value;

/// Returns the value of `Host`, if it is present exactly once (RFC 9112 §3.2).
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    str::from_utf8(only_value(headers, &header::HOST)?.as_bytes()).ok()
}
