//! Redirect URI matching and redirect responses

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use http::{HeaderValue, StatusCode};
use url::Url;

/// Returns whether the URI matches a registered entry: an exact string, or a prefix if the entry ends in `*`.
pub(crate) fn is_registered(entries: &[String], uri: &str) -> bool {
    is_plain(uri)
        && entries.iter().any(|entry| match entry.strip_suffix('*') {
            Some(prefix) => uri.starts_with(prefix),
            None => entry == uri,
        })
}

/// Without this check, `http://127.0.0.1:80@evil.example/` would match a loopback prefix and refer to another host.
fn is_plain(uri: &str) -> bool {
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let absolute = Url::parse(uri)
        .is_ok_and(|url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    printable && absolute
}

/// Appends the pairs to the query of the URI. The rest of the URI stays as registered.
pub(crate) fn with_query<T: AsRef<str>>(uri: &str, pairs: &[(T, T)]) -> String {
    if pairs.is_empty() {
        return uri.to_owned();
    }
    let joint = if uri.contains('?') { '&' } else { '?' };
    let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{uri}{joint}{added}")
}

/// Returns a redirect with status 303, so that a browser never posts a password to the client (RFC 9700 §4.12).
pub(crate) fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let no_store = HeaderValue::from_static("no-store");
    let no_referrer = HeaderValue::from_static("no-referrer");
    let headers = [(LOCATION, location), (CACHE_CONTROL, no_store), (REFERRER_POLICY, no_referrer)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::{is_registered, with_query};

    #[test]
    fn prefix_entry_matches_any_port_and_no_other_host() {
        let entries = ["http://127.0.0.1:*".to_owned()];
        assert!(is_registered(&entries, "http://127.0.0.1:8080/oauth2/callback"));
        for evil in [
            "http://127.0.0.1:80@evil.example/",
            "http://127.0.0.1:@evil.example/",
            "http://127.0.0.1.evil.example:80/",
            "http://127.0.0.1:8080/\\evil.example",
            "http://127.0.0.1:8080/#fragment",
            "http://127.0.0.1:8080/\r\nset-cookie: a=b",
            "https://127.0.0.1:8080/",
        ] {
            assert!(!is_registered(&entries, evil), "{evil}");
        }
    }

    #[test]
    fn exact_entry_matches_only_itself() {
        let entries = ["https://app.example/callback".to_owned()];
        assert!(is_registered(&entries, "https://app.example/callback"));
        assert!(!is_registered(&entries, "https://app.example/callback/"));
        assert!(!is_registered(&entries, "https://app.example/callback?a=b"));
    }

    #[test]
    fn pairs_start_or_extend_the_query() {
        assert_eq!(with_query("http://a/b", &[("c", "d e")]), "http://a/b?c=d+e");
        assert_eq!(with_query("http://a/b?x=y", &[("c", "&")]), "http://a/b?x=y&c=%26");
    }
}
