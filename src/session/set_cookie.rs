//! Removal of our cookies from an application's `Set-Cookie`
//!
//! An application can set all cookies but ours. A cookie with the name of our session cookie would end the session or
//! replace it.

use http::{HeaderMap, HeaderValue, header};

use super::cookie::is_ours;
use crate::access::headlamp::is_token_cookie;

/// Removes every `Set-Cookie` of an application's response that sets a cookie of ours. The others keep their order.
pub fn keep_out(headers: &mut HeaderMap) {
    remove_cookies(headers, is_ours);
}

/// As [`keep_out`], and removes cookies of Headlamp that hold a token.
pub fn keep_out_tokens_too(headers: &mut HeaderMap) {
    remove_cookies(headers, |pair| is_ours(pair) || is_token_cookie(pair));
}

fn remove_cookies(headers: &mut HeaderMap, is_unwanted: impl Fn(&[u8]) -> bool) {
    let (ours, others): (Vec<HeaderValue>, Vec<HeaderValue>) =
        headers.get_all(header::SET_COOKIE).iter().cloned().partition(|value| is_unwanted(cookie_of(value)));
    if ours.is_empty() {
        return;
    }
    headers.remove(header::SET_COOKIE);
    for other in others {
        headers.append(header::SET_COOKIE, other);
    }
}

/// Returns the name and value of the cookie that a `Set-Cookie` sets.
fn cookie_of(value: &HeaderValue) -> &[u8] {
    let pair = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    // A browser sends a cookie without a name as its value alone, which may look like a name (RFC 6265bis §5.8.3).
    pair.strip_prefix(b"=").unwrap_or(pair).trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(lines: &[&'static str]) -> Vec<String> {
        let mut headers: HeaderMap =
            lines.iter().map(|line| (header::SET_COOKIE, HeaderValue::from_static(line))).collect();
        keep_out(&mut headers);
        let left = headers.get_all(header::SET_COOKIE).iter();
        left.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn set_cookie_of_ours_is_removed_and_others_are_kept() {
        assert_eq!(
            left(&[
                "a=1; Path=/",
                "__Host-foregate=stolen; Path=/; Secure",
                "foregate=; Max-Age=0",
                " foregate-1 =x",
                "__Secure-foregate-3=x",
                "__Host-foregate-login-abc=x",
                "foregate-landed=1",
                "foregate-reloads=1.2",
                "=foregate=x",
                " = __Host-foregate=x",
                "b=foregate=x; HttpOnly",
                "foregates=1",
                "c",
            ]),
            ["a=1; Path=/", "b=foregate=x; HttpOnly", "foregates=1", "c"]
        );
        assert!(left(&[]).is_empty());
    }
}
