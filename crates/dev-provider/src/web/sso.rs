//! Single sign-on cookie

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::shared::Shared;

const COOKIE_NAME: &str = "dev_provider_sso";

/// Returns the value of the single sign-on cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE_NAME).then_some(value))
}

/// Returns the `Set-Cookie` header for a new session.
pub(super) fn set_cookie(shared: &Shared, value: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{COOKIE_NAME}={value}; {}", attributes(shared))).ok()
}

/// Returns the `Set-Cookie` header that deletes the cookie.
pub(super) fn clear_cookie(shared: &Shared) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{COOKIE_NAME}=; Max-Age=0; {}", attributes(shared))).ok()
}

/// `SameSite=Lax`, because a link from another site leads the browser here. `Secure` only with https: otherwise the
/// browser would not send the cookie.
fn attributes(shared: &Shared) -> &'static str {
    if shared.base.starts_with("https:") {
        "Path=/; HttpOnly; SameSite=Lax; Secure"
    } else {
        "Path=/; HttpOnly; SameSite=Lax"
    }
}
