//! Reply to a client, before a dialect renders it for its proxy
//!
//! 1. Each constructor is named after its situation, and sets status, header fields and body together.
//! 2. Caches must not store a reply, and it varies by cookie.
//! 3. [`super::error_page`] builds the error pages.

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::access::decision::Grant;
use crate::flow::check::PageReload;

const X_RELOAD: HeaderName = HeaderName::from_static("x-reload");
const RELOAD: HeaderValue = HeaderValue::from_static("reload");
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const VARY_COOKIE: HeaderValue = HeaderValue::from_static("Cookie");
const VARY_ACCEPT_COOKIE: HeaderValue = HeaderValue::from_static("Accept, Cookie");
/// RFC 9110 §15.5.2 requires a scheme. No browser knows this one, so none asks for a password.
pub(super) const SESSION_SCHEME: HeaderValue = HeaderValue::from_static("Session realm=\"foregate\"");
/// The maximum number of header fields of a reply.
const MAX_FIELDS: usize = 10;

/// The response to a client, or the edits of a request that passes.
#[derive(Debug)]
pub struct Reply {
    /// The status, which is 200 if and only if the request passes.
    pub status: StatusCode,
    /// The fields of the response, or those to set on a request that passes.
    pub headers: HeaderMap,
    /// The fields to remove from a request that passes, if the dialect must name them.
    pub remove_headers: Vec<HeaderName>,
    /// Further names to remove, as a list, if the dialect must name them.
    pub remove_aliases: Option<HeaderValue>,
    /// The complete body.
    pub body: Bytes,
}

impl Reply {
    /// Returns an empty reply, whose media type browsers must not guess.
    pub fn new(status: StatusCode) -> Self {
        let mut reply = Self::bare(status);
        reply.headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        reply
    }

    fn bare(status: StatusCode) -> Self {
        let mut headers = HeaderMap::with_capacity(MAX_FIELDS);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(header::VARY, VARY_COOKIE);
        Self { status, headers, remove_headers: Vec::new(), remove_aliases: None, body: Bytes::new() }
    }

    /// The request passes, with the fields of the grant. The status is 200, because some proxies accept no other.
    pub fn allowed(grant: &Grant) -> Self {
        let mut reply = Self::bare(StatusCode::OK);
        for (name, value) in grant.fields() {
            reply.headers.insert(name, value);
        }
        reply
    }

    /// Adds the scheme of our sign-in, and may request a reload of the page.
    #[must_use]
    pub(super) fn asking_to_sign_in(mut self, reload: PageReload) -> Self {
        self.headers.insert(header::WWW_AUTHENTICATE, SESSION_SCHEME);
        self.reloading(reload)
    }

    /// May request a reload of the page.
    #[must_use]
    pub(super) fn reloading(mut self, reload: PageReload) -> Self {
        match reload {
            PageReload::No => {}
            PageReload::Yes => drop(self.headers.insert(X_RELOAD, RELOAD)),
            PageReload::YesAndCount(cookie) => {
                self.headers.insert(X_RELOAD, RELOAD);
                self.headers.append(header::SET_COOKIE, cookie);
            }
        }
        self
    }

    /// The reply depends on the media types that the client accepts.
    #[must_use]
    pub(super) fn varying_by_accept(mut self) -> Self {
        self.headers.insert(header::VARY, VARY_ACCEPT_COOKIE);
        self
    }

    /// A redirect to an absolute URL. A header can carry each parsed URL, so the 500 is unreachable.
    pub fn redirect(status: StatusCode, url: &str) -> Self {
        let Ok(location) = HeaderValue::from_str(url) else {
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let mut reply = Self::new(status);
        reply.headers.insert(header::LOCATION, location);
        reply
    }

    /// A line of text for a program.
    pub fn text(status: StatusCode, line: impl Into<Bytes>) -> Self {
        Self::new(status).with_body(TEXT, line)
    }

    /// Returns the size of the names to remove, in bytes, if each has a field of its own.
    pub(super) fn removal_bytes(&self) -> usize {
        // The name of the field that Envoy reads, with colon, space and end of line.
        const FIELD_BYTES: usize = 34;
        let names = self.remove_headers.iter().map(|name| name.as_str().len() + FIELD_BYTES);
        names.chain(self.remove_aliases.iter().map(|list| list.len() + FIELD_BYTES)).sum()
    }

    /// Replaces the body.
    #[must_use]
    pub fn with_body(mut self, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.headers.insert(header::CONTENT_TYPE, media_type);
        self.body = body.into();
        self
    }

    /// Adds `Set-Cookie` fields.
    #[must_use]
    pub fn with_cookies<'c>(mut self, cookies: impl IntoIterator<Item = &'c HeaderValue>) -> Self {
        append_cookies(&mut self.headers, cookies);
        self
    }
}

/// Renders the reply unchanged.
impl IntoResponse for Reply {
    fn into_response(self) -> Response<Body> {
        // `Body::empty` needs no allocation.
        let body = if self.body.is_empty() { Body::empty() } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Adds `Set-Cookie` fields to a response.
pub fn append_cookies<'c>(headers: &mut HeaderMap, cookies: impl IntoIterator<Item = &'c HeaderValue>) {
    headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie.clone())));
}
