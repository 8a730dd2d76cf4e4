//! Surface of a request: a navigation, a WebSocket, or a part of a page
//!
//! A request is a top-level navigation if
//!
//! 1. it is neither a WebSocket handshake ([`super::websocket`]) nor a prefetch, and
//! 2. its fetch metadata says so (`Sec-Fetch-Mode: navigate` with `Sec-Fetch-Dest: document`). Without fetch
//!    metadata, it must be a GET or HEAD whose `Accept` names `text/html`, without `Upgrade`, `Sec-WebSocket-*` and
//!    `X-Requested-With`.
//!
//! A request *shows no client* if it has none of `Accept`, `Sec-Fetch-*`, `Sec-WebSocket-Key` and the client's
//! `User-Agent`. Browsers send several of them, and nearly every other program sends `User-Agent`, often without
//! `Accept`. So the proxy probably forwards too few fields. A proxy that forwards `User-Agent` but not `Accept` is not
//! recognised.
//!
//! If the client is hidden in this way, the kind of a GET or HEAD is unknown, unless another field of the rules above
//! shows that it is no navigation.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

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
    /// A GET or HEAD whose proxy does not show which of these it is.
    Unknown,
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

    /// Returns the surface of a request whose client the proxy hides.
    pub fn of_hidden_client(method: &Method, headers: &HeaderMap) -> Self {
        let is_unknown = may_be_navigation(method, headers) && !is_prefetch(headers);
        if is_unknown { Self::Unknown } else { Self::of(method, headers) }
    }

    /// Returns whether the reply may be for a user, who can follow a redirect and read a page.
    pub fn may_have_user(self) -> bool {
        match self {
            Self::Navigation | Self::Unknown => true,
            Self::WebSocket | Self::Embedded => false,
        }
    }
}

/// Returns whether a request shows no client, by the rule of this module.
///
/// `own_user_agent` is the beginning of the `User-Agent` that the proxy itself sends, if it does not forward the
/// client's.
pub fn shows_no_client(headers: &HeaderMap, own_user_agent: Option<&str>) -> bool {
    let is_own =
        |agent: &HeaderValue| own_user_agent.is_some_and(|own| agent.as_bytes().starts_with(own.as_bytes()));
    // Nearly every request has the first field, so the others cost nothing.
    !headers.contains_key(header::ACCEPT)
        && headers.get(header::USER_AGENT).is_none_or(is_own)
        && !headers.contains_key(header::SEC_WEBSOCKET_KEY)
        && !headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
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
    may_be_navigation(method, headers) && has_bare_member(headers, &header::ACCEPT, "text/html")
}

fn may_be_navigation(method: &Method, headers: &HeaderMap) -> bool {
    (method == Method::GET || method == Method::HEAD)
        && !headers.contains_key(header::UPGRADE)
        && !headers.contains_key(header::SEC_WEBSOCKET_VERSION)
        && !headers.contains_key(&X_REQUESTED_WITH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn of(method: &Method, fields: &[(&'static str, &'static str)]) -> Surface {
        Surface::of(method, &map(fields))
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
    fn request_shows_no_client_only_without_all_its_fields() {
        for fields in [&[][..], &[("cookie", "a=b"), ("host", "app.test"), ("upgrade", "websocket")]] {
            assert!(shows_no_client(&map(fields), None), "{fields:?}");
        }
        for name in ["accept", "user-agent", "sec-websocket-key", "sec-fetch-site", "sec-fetch-user"] {
            assert!(!shows_no_client(&map(&[("cookie", "a=b"), (name, "")]), Some("Proxy/")), "{name}");
        }
        let proxy = map(&[("user-agent", "Proxy/2")]);
        assert!(shows_no_client(&proxy, Some("Proxy/")) && !shows_no_client(&proxy, None));
    }

    #[test]
    fn get_of_a_hidden_client_is_unknown_unless_a_field_says_more() {
        let hidden = |method: &Method, fields: &[_]| Surface::of_hidden_client(method, &map(fields));
        assert_eq!(hidden(&Method::GET, &[("cookie", "a=b")]), Surface::Unknown);
        assert_eq!(hidden(&Method::HEAD, &[]), Surface::Unknown);
        assert_eq!(hidden(&Method::POST, &[]), Surface::Embedded);
        assert_eq!(hidden(&Method::GET, &[("x-requested-with", "XMLHttpRequest")]), Surface::Embedded);
        assert_eq!(hidden(&Method::GET, &[("sec-purpose", "prefetch")]), Surface::Embedded);
        assert_eq!(hidden(&Method::GET, &[("upgrade", "websocket")]), Surface::WebSocket);
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
