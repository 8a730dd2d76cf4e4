//! Pending cookies on responses of the application
//!
//! A shared cache that stores a response also stores its cookies: `Set-Cookie` does not prevent storing (RFC 9111
//! §7.3).
//!
//! 1. A response that is meant for shared caches gets no cookie. It has `public` or `s-maxage` (§5.2.2.9, §5.2.2.10),
//!    or a field that is only for such caches: `CDN-Cache-Control` and similar names (RFC 9213 §2), or
//!    `Surrogate-Control`. The response to the next request carries the cookie.
//! 2. Any other response gets `private` (§5.2.2.7) if it lacks it. Without it, a shared cache may store the response
//!    for its `max-age`, or by the cache's own rules if there is no directive (§3, §4.2.2).

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};

use super::reply::append_cookies;
use crate::access::field_names::{before, members_of};

const SURROGATE_CONTROL: &str = "surrogate-control";
const PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// Adds pending cookies to a response of the application, by the rules of this module.
pub fn set_cookies_unless_cacheable(response: &mut Response<Body>, cookies: &[HeaderValue]) {
    if cookies.is_empty() || is_for_shared_caches(response.headers()) {
        return;
    }
    if !is_private(response.headers()) {
        response.headers_mut().append(header::CACHE_CONTROL, PRIVATE);
    }
    append_cookies(response.headers_mut(), cookies);
}

fn is_for_shared_caches(headers: &HeaderMap) -> bool {
    let is_targeted = |name: &str| name == SURROGATE_CONTROL || name.ends_with("-cache-control");
    let is_shared = |directive: &[u8]| {
        let name = before(directive, b'=');
        name.eq_ignore_ascii_case(b"public") || name.eq_ignore_ascii_case(b"s-maxage")
    };
    headers.keys().any(|name| is_targeted(name.as_str()))
        || lines(headers).any(|line| members_of(line).any(is_shared))
}

/// Returns whether the whole response is private. With an argument, `private` covers only some fields.
fn is_private(headers: &HeaderMap) -> bool {
    // A quoted argument may contain commas, and also the word `private`.
    let mut plain = lines(headers).filter(|line| !line.as_bytes().contains(&b'"'));
    plain.any(|line| members_of(line).any(|directive| directive.eq_ignore_ascii_case(b"private")))
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = &HeaderValue> {
    headers.get_all(header::CACHE_CONTROL).iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a response with these fields gets the cookie, and its `Cache-Control`.
    fn response_with(fields: &[(&'static str, &'static str)]) -> (bool, Vec<String>) {
        let mut response = Response::new(Body::empty());
        for (name, value) in fields {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        set_cookies_unless_cacheable(&mut response, &[HeaderValue::from_static("a=b")]);
        let lines = response.headers().get_all(header::CACHE_CONTROL).iter();
        let lines = lines.map(|line| line.to_str().unwrap().to_owned()).collect();
        (response.headers().contains_key(header::SET_COOKIE), lines)
    }

    #[test]
    fn response_for_shared_caches_gets_no_cookie() {
        for value in [
            "public",
            "PUBLIC",
            "max-age=60, Public",
            "max-age=60,public,immutable",
            "s-maxage=60",
            "no-transform , S-MaxAge = 60",
            "private, s-maxage=\"60\"",
        ] {
            assert_eq!(response_with(&[("cache-control", value)]), (false, vec![value.to_owned()]));
        }
        let second = [("cache-control", "max-age=60"), ("cache-control", "public")];
        assert!(!response_with(&second).0);
        for name in ["cdn-cache-control", "surrogate-control", "some-cdn-cache-control"] {
            assert!(!response_with(&[("cache-control", "private"), (name, "max-age=60")]).0, "{name}");
        }
    }

    #[test]
    fn response_with_cookie_is_private() {
        for (value, added) in [
            ("private", false),
            ("max-age=0, Private", false),
            ("max-age=60", true),
            ("no-cache", true),
            ("must-understand, no-store", true),
            ("private=\"x-a\"", true),
            ("no-cache=\"x-a, private, x-b\"", true),
            ("publication", true),
        ] {
            let mut lines = vec![value.to_owned()];
            lines.extend(added.then(|| "private".to_owned()));
            assert_eq!(response_with(&[("cache-control", value)]), (true, lines));
        }
        assert_eq!(response_with(&[]), (true, vec!["private".to_owned()]));
    }

    #[test]
    fn response_without_cookie_is_unchanged() {
        let mut response = Response::new(Body::empty());
        set_cookies_unless_cacheable(&mut response, &[]);
        assert!(response.headers().is_empty());
    }
}
