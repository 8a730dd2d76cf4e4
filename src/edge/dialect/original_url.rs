//! URL in which a proxy describes the client's request
//!
//! The proxy builds it from texts of the client, so it is split byte by byte and never normalised. The scheme is one
//! that browsers use. The host ends at the first slash, and everything from that slash is the target.

use thiserror::Error;

use crate::access::target::{Target, TargetError};

/// The parts of an absolute URL.
#[derive(Debug)]
pub struct OriginalUrl<'u> {
    /// The host, and the port if the URL has one.
    pub host: &'u str,
    /// Path and query.
    pub target: Target<'u>,
}

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginalUrlError {
    /// The scheme is another one, or missing.
    #[error("it does not begin with http:// or https://")]
    Scheme,
    /// The host is not text, or no slash follows it.
    #[error("it has no host with a slash behind it")]
    Host,
    /// The path or query cannot be used.
    #[error(transparent)]
    Target(TargetError),
}

impl<'u> OriginalUrl<'u> {
    /// Splits a URL.
    pub fn parse(url: &'u [u8]) -> Result<Self, OriginalUrlError> {
        let rest =
            [b"https://".as_slice(), b"http://"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or(OriginalUrlError::Scheme)?;
        let slash = rest.iter().position(|byte| *byte == b'/').ok_or(OriginalUrlError::Host)?;
        let (host, target) = rest.split_at(slash);
        let host = str::from_utf8(host).map_err(|_| OriginalUrlError::Host)?;
        Ok(Self { host, target: Target::parse(target).map_err(OriginalUrlError::Target)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(url: &str) -> Option<(&str, &str)> {
        let parsed = OriginalUrl::parse(url.as_bytes()).ok()?;
        Some((parsed.host, str::from_utf8(parsed.target.as_bytes()).unwrap()))
    }

    #[test]
    fn host_ends_at_the_first_slash_and_the_rest_is_unchanged() {
        assert_eq!(split("https://app.test/a/../b?c=//d"), Some(("app.test", "/a/../b?c=//d")));
        assert_eq!(split("http://app.test:8443//a"), Some(("app.test:8443", "//a")));
        // None of these hosts is configured, so the request is refused.
        assert_eq!(split("https://app.test?x/path"), Some(("app.test?x", "/path")));
        assert_eq!(split("https://app.test@evil.test/"), Some(("app.test@evil.test", "/")));
        assert_eq!(split("https:///app.test/"), Some(("", "/app.test/")));
    }

    #[test]
    fn url_without_scheme_or_path_is_refused() {
        for url in ["", "/a", "app.test/a", "https://app.test", "https://app.test*", "ftp://app.test/"] {
            assert_eq!(split(url), None, "{url}");
        }
        assert!(OriginalUrl::parse(b"https://\xff/").is_err());
    }
}
