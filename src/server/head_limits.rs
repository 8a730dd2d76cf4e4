//! Limits of a request head
//!
//! 1. A head beyond our limits gets a 431 with an explanation, because the client is usually a browser with too many
//!    cookies.
//! 2. hyper has its own limits, set to twice ours. It closes the connection of a larger head without an explanation.

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};

use crate::edge::head_size::{MAX_FIELDS, MAX_HEAD_BYTES};

const MESSAGE: &str = "The request has more than 100 header fields, or they are longer than 32 KiB. In a browser, the usual \
                       cause is too many cookies for this site. Remove them and load the page again.\n";

/// Returns a 431 response if the head is too large (RFC 6585 §5).
pub(super) fn reject_large_head<B>(request: &Request<B>) -> Option<Response<Body>> {
    let (headers, target) = (request.headers(), request.uri().path_and_query());
    let target = target.map_or(0, |target| target.as_str().len());
    let bytes = headers.iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len());
    if headers.len() <= MAX_FIELDS && bytes <= MAX_HEAD_BYTES {
        return None;
    }
    let mut response = Response::new(Body::from(MESSAGE));
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The connection is closed, so that the rest of the request need not be read.
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}
