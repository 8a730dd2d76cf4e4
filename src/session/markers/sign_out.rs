//! The `state` of a sign-out, in a cookie
//!
//! The `state` protects nothing: a browser that returns without it gets the same page. So it is not sealed. It has one
//! cookie, which holds that of the latest sign-out.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, HeaderValue};

use super::super::cookie::{Names, pairs};
use crate::access::origin::Origin;

/// As long as a sign-in may take, because the provider may ask the user to confirm.
const LIFETIME: Duration = Duration::from_mins(10);
/// Shorter than the tag of any sign-in, so that it never equals one. With the name of a login cookie, it reaches no
/// application.
const TAG: &str = "out";

/// As [`Markers::keep_sign_out_state`](crate::flow::ports::Markers::keep_sign_out_state).
pub(super) fn keep(state: &str, origin: &Origin) -> Option<HeaderValue> {
    let names = Names::of(origin);
    names.set(&names.login(TAG), state, LIFETIME.as_secs())
}

/// As [`Markers::sign_out_state`](crate::flow::ports::Markers::sign_out_state).
pub(super) fn state(headers: &HeaderMap, origin: &Origin) -> Option<String> {
    let name = Names::of(origin).login(TAG);
    let (_, kept) = pairs(headers).find(|(found, _)| *found == name.as_bytes())?;
    String::from_utf8(kept.to_vec()).ok()
}

/// As [`Markers::finish_sign_out`](crate::flow::ports::Markers::finish_sign_out).
pub(super) fn finish(state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue> {
    let names = Names::of(origin);
    let name = names.login(TAG);
    let (_, kept) = pairs(headers).find(|(found, _)| *found == name.as_bytes())?;
    verify_slices_are_equal(kept, state.as_bytes()).ok()?;
    names.remove(&name)
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;
    use crate::session::cookie::is_ours;

    fn origin() -> Origin {
        Origin::parse("https://a.test").unwrap()
    }

    fn carrying(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn sign_out_state_cookie_is_bound_to_host_and_ours() {
        let cookie = keep("a-state", &origin()).unwrap();
        assert_eq!(
            cookie,
            "__Host-foregate-login-out=a-state; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
        );
        assert!(is_ours(cookie.as_bytes()));
    }

    #[test]
    fn sign_out_cookie_is_removed_only_by_its_own_state() {
        let headers = carrying("x=1; __Host-foregate-login-out=a-state");
        let gone = finish("a-state", &headers, &origin()).unwrap();
        assert!(gone.to_str().unwrap().contains("Max-Age=0"), "{gone:?}");
        for (state, headers) in [
            ("a-state_INVALID", &headers),
            ("", &headers),
            ("a-state", &HeaderMap::new()),
            ("a-state", &carrying("foregate-login-out=a-state")),
        ] {
            assert_eq!(finish(state, headers, &origin()), None, "{state} {headers:?}");
        }
    }
}
