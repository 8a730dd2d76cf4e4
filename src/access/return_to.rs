//! Return URL validation
//!
//! One validator serves each page that a user returns to after signing in or out. A return URL is accepted only if
//!
//! 1. it consists of visible ASCII characters without a backslash;
//! 2. it has at most 2048 characters, before and after parsing, because parsing replaces some characters by three;
//! 3. it begins with a single `/`, or it is an absolute http(s) URL without user information;
//! 4. parsed as browsers do (WHATWG URL), it has an origin that a user may return to;
//! 5. it is not one of our own pages ([`super::own_page`]), which would be a redirect loop. The list of the user's
//!    sessions is accepted, because it needs a session as an application does.
//!
//! The result is the parsed, absolute URL, so that later code cannot read it differently.

use url::Url;

use super::origin::{Origin, Origins};
use super::own_path::{SESSIONS, is_own_path};

const MAX_BYTES: usize = 2048;

/// A validated absolute URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Returns the start page of an origin, which replaces each URL that is not accepted.
    pub fn home(origin: &Origin) -> Self {
        Self(format!("{}/", origin.as_str()))
    }

    /// Parses a text relative to the origin of the request. Returns `None` if a rule of this module rejects it.
    pub fn parse(text: &str, origin: &Origin, allowed: &Origins) -> Option<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if text.len() > MAX_BYTES || !is_plain {
            return None;
        }
        let url = if text.starts_with('/') {
            let is_path = !text.starts_with("//");
            is_path.then(|| Url::parse(&format!("{}{text}", origin.as_str())).ok()).flatten()?
        } else {
            parse_absolute(text)?
        };
        let is_allowed = origin.contains(&url) || allowed.allows_return_to(&url);
        // Another of our own pages parses the result again, and would reject a longer one.
        (is_allowed && is_page(url.path()) && url.as_str().len() <= MAX_BYTES).then(|| Self(url.into()))
    }

    /// Returns the absolute URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_page(path: &str) -> bool {
    !is_own_path(path) || path == SESSIONS
}

fn parse_absolute(text: &str) -> Option<Url> {
    let is_http = ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let authority = text.split_once("//")?.1.split(['/', '?', '#']).next()?;
    let is_anonymous = is_http && !authority.contains('@');
    is_anonymous.then(|| Url::parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<String> {
        let origin = Origin::parse("https://app.test").unwrap();
        let allowed = Origins::new(vec![origin.clone(), Origin::parse("https://other.test:8443").unwrap()]);
        ReturnTo::parse(text, &origin, &allowed).map(|found| found.0)
    }

    #[test]
    fn deep_link_is_accepted_unchanged() {
        for path in [
            "/",
            "/c/main/pods?namespace=a&x=%2F",
            "/a//b///c",
            "/foo?next=https://evil.test/x?y=1",
            "/api/v1/namespaces/a/services/https:web:443/proxy/",
            "/a#/route/with/hash",
            "/a;b=1,c",
            "/oauth2/sessions?signed_in=again",
        ] {
            assert_eq!(parse(path).as_deref(), Some(&*format!("https://app.test{path}")), "{path}");
            let whole = format!("https://app.test{path}");
            assert_eq!(parse(&whole).as_deref(), Some(&*whole));
        }
        assert_eq!(parse("https://other.test:8443/x").as_deref(), Some("https://other.test:8443/x"));
        assert_eq!(parse("HTTPS://APP.test/x").as_deref(), Some("https://app.test/x"));
    }

    #[test]
    fn hostile_url_is_rejected() {
        for text in [
            "",
            "x",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/\t/evil.test",
            "/ a",
            " /a",
            "/\u{e9}",
            "/a\nb",
            "https:evil.test",
            "https:/evil.test",
            "https:///evil.test",
            "http://app.test/",
            "https://app.test:444/",
            "https://app.test@evil.test/",
            "https://a:b@app.test/",
            "https://app.test.evil.test/",
            "https://evil.test/https://app.test/",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://app.test/",
            "/oauth2/start?rd=/",
            "/oauth2/",
            "/oauth2",
            "/oauth2/sessions/",
            "//oauth2/sessions",
            "https://app.test//oauth2/sessions",
            "/x/../oauth2/sign_out",
            "/%2e%2e/oauth2/start",
            "https://app.test//oauth2/start",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&format!("/{}", "a".repeat(2048))), None);
        assert_eq!(parse(&format!("/{}", ">".repeat(800))), None, "2400 characters once it is parsed");
    }

    proptest! {
        #[test]
        fn accepted_url_has_an_allowed_origin_to_a_browser(
            text in "[/\\\\.:@?#a-z%0-9\\t ]{0,40}|https?:[/\\\\]{0,3}[a-z.:@]{0,20}",
        ) {
            if let Some(accepted) = parse(&text) {
                let url = Url::parse("https://elsewhere.test/x/y").unwrap().join(&accepted).unwrap();
                prop_assert!(matches!(url.host_str(), Some("app.test" | "other.test")));
                prop_assert_eq!(url.scheme(), "https");
                prop_assert_eq!(url.as_str(), accepted);
            }
        }
    }
}
