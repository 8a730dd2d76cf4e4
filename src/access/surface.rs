//! Surface of a request: a navigation, a WebSocket, or a part of a page
//!
//! A request is a top-level navigation if
//!
//! 1. it is neither a WebSocket handshake ([`super::websocket`]) nor a prefetch, and
//! 2. its fetch metadata says so (`Sec-Fetch-Mode: navigate` with `Sec-Fetch-Dest: document`). Without fetch
//!    metadata, it must be a GET or HEAD whose `Accept` names `text/html`, without `Upgrade`, `Sec-WebSocket-*` and
//!    `X-Requested-With`.
//!
//! If a proxy forwards neither `Accept` nor `Sec-Fetch-*`, each request looks like one of a script.

use http::{HeaderMap, HeaderName, Method, header};

use super::field_names::{has_bare_member, only_value};
use super::websocket::is_handshake;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// A top-level navigation. The user sees the reply, so it may redirect to sign in.
    Navigation,
    /// A WebSocket handshake (RFC 6455 §4.1).
    WebSocket,
    /// A script, a frame, an image or a prefetch. No user would see a sign-in page.
    Embedded,
}

impl Surface {
    /// Returns the surface by the client's own header fields and the rules of this module.
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        if is_handshake(headers) {
            Self::WebSocket
        } else if is_navigation(method, headers) && !is_prefetch(headers) {
            Self::Navigation
        } else {
            Self::Embedded
        }
    }
}

/// Returns whether fetch metadata say that a page of another origin sent the request (Fetch Metadata §2.3).
pub fn is_from_other_origin(headers: &HeaderMap) -> bool {
    headers.get_all(&SEC_FETCH_SITE).iter().any(|site| site == "cross-site" || site == "same-site")
}

/// Returns whether the request is for a page or for the data of a script (Fetch Metadata §2.1), or has no
/// `Sec-Fetch-Dest`.
///
/// Each other destination, including new ones of future browsers, is a part of a page that shared caches usually
/// store.
pub fn is_page_or_data(headers: &HeaderMap) -> bool {
    const PAGES_AND_DATA: [&str; 5] = ["document", "iframe", "frame", "empty", "websocket"];
    headers.get_all(&SEC_FETCH_DEST).iter().all(|dest| PAGES_AND_DATA.iter().any(|known| dest == known))
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    has_bare_member(headers, &SEC_PURPOSE, "prefetch")
}

fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let mode = headers.get(&SEC_FETCH_MODE);
    if mode.is_some_and(|mode| mode != "navigate") {
        return false;
    }
    if mode.is_some() || headers.contains_key(&SEC_FETCH_DEST) {
        let is_only = |field: HeaderName, wanted: &str| {
            only_value(headers, &field).is_some_and(|value| value == wanted)
        };
        return is_only(SEC_FETCH_MODE, "navigate") && is_only(SEC_FETCH_DEST, "document");
    }
    (method == Method::GET || method == Method::HEAD)
        && has_bare_member(headers, &header::ACCEPT, "text/html")
        && !headers.contains_key(header::UPGRADE)
        && !headers.contains_key(header::SEC_WEBSOCKET_VERSION)
        && !headers.contains_key(&X_REQUESTED_WITH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, fields: &[(&'static str, &'static str)]) -> Surface {
        let headers =
            fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Surface::of(method, &headers)
    }

    #[test]
    fn fetch_metadata_decides_if_it_is_present() {
        let document = ("sec-fetch-dest", "document");
        let navigate = ("sec-fetch-mode", "navigate");
        assert_eq!(of(&Method::GET, &[navigate, document]), Surface::Navigation);
        assert_eq!(of(&Method::POST, &[navigate, document]), Surface::Navigation);
        assert_eq!(of(&Method::GET, &[navigate, ("sec-fetch-dest", "iframe")]), Surface::Embedded);
        assert_eq!(
            of(&Method::GET, &[("sec-fetch-mode", "cors"), ("accept", "text/html")]),
            Surface::Embedded
        );
        assert_eq!(
            of(&Method::GET, &[navigate, document, ("sec-purpose", "prefetch;prerender")]),
            Surface::Embedded
        );
    }

    #[test]
    fn accept_field_decides_without_fetch_metadata() {
        let html = ("accept", "text/html,application/xhtml+xml;q=0.9");
        assert_eq!(of(&Method::GET, &[html]), Surface::Navigation);
        assert_eq!(of(&Method::HEAD, &[html]), Surface::Navigation);
        assert_eq!(of(&Method::POST, &[html]), Surface::Embedded);
        assert_eq!(of(&Method::GET, &[html, ("x-requested-with", "XMLHttpRequest")]), Surface::Embedded);
        assert_eq!(of(&Method::GET, &[html, ("upgrade", "h2c")]), Surface::Embedded);
        assert_eq!(of(&Method::GET, &[("accept", "*/*")]), Surface::Embedded);
        assert_eq!(of(&Method::GET, &[]), Surface::Embedded);
    }

    #[test]
    fn unlisted_destination_is_neither_page_nor_data() {
        let of = |dests: &[&'static str]| {
            let dests = dests.iter().map(|dest| (SEC_FETCH_DEST, dest.parse().unwrap()));
            is_page_or_data(&dests.collect())
        };
        for dest in ["document", "iframe", "frame", "empty", "websocket"] {
            assert!(of(&[dest]), "{dest}");
        }
        for dest in ["image", "script", "worker", "serviceworker", "json", "object", "webidentity", "new", ""]
        {
            assert!(!of(&[dest]), "{dest}");
        }
        assert!(of(&[]) && !of(&["empty", "image"]));
    }

    #[test]
    fn websocket_is_recognised_by_its_key_if_upgrade_is_stripped() {
        assert_eq!(
            of(&Method::GET, &[("sec-websocket-key", "x"), ("accept", "text/html")]),
            Surface::WebSocket
        );
        assert_eq!(of(&Method::GET, &[("upgrade", "WebSocket")]), Surface::WebSocket);
    }
}
