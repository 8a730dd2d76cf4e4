//! Which browser is signed in here?

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::shared::Shared;

const NAME: &str = "dev_provider_sso";

/// The value of the single sign-on cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == NAME).then_some(value))
}

/// `Set-Cookie` for a new session.
pub(super) fn set(shared: &Shared, value: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{NAME}={value}; {}", attributes(shared))).ok()
}

/// `Set-Cookie` that makes the browser forget.
pub(super) fn clear(shared: &Shared) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{NAME}=; Max-Age=0; {}", attributes(shared))).ok()
}

/// Lax, because the browser comes here by a link from another site; Secure only where it would be sent back.
fn attributes(shared: &Shared) -> &'static str {
    if shared.base.starts_with("https:") {
        "Path=/; HttpOnly; SameSite=Lax; Secure"
    } else {
        "Path=/; HttpOnly; SameSite=Lax"
    }
}
