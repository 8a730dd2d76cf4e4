//! Is the head of a request within our limits?
//!
//! hyper has limits of its own, twice as wide, and closes the connection without a word; within those a person is told
//! what to do, because it is nearly always a browser with too many cookies.

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};

/// At most so many fields, a repeated one counted each time.
pub(super) const FIELDS: usize = 100;
/// At most so many bytes of names and values, and of the target.
pub(super) const BYTES: usize = 32 * 1024;

const TOLD: &str = "The request's header fields are more than 100, or longer than 32 KiB. A browser that sees this has too \
                    many cookies for this site: remove them and load the page again.\n";

/// Refuses a head that is too large (RFC 6585 §5).
pub(super) fn refuse<B>(request: &Request<B>) -> Option<Response<Body>> {
    let (headers, target) = (request.headers(), request.uri().path_and_query());
    let target = target.map_or(0, |target| target.as_str().len());
    let bytes = headers.iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len());
    if headers.len() <= FIELDS && bytes <= BYTES {
        return None;
    }
    let mut response = Response::new(Body::from(TOLD));
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The rest of what such a client sends is not worth reading.
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}
