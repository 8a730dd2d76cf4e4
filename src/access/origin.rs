//! Public origins, and the lookup of a host name among them

use std::net::IpAddr;

use thiserror::Error;
use url::Url;

/// A web origin that users open in their browser: scheme, host and port (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
    text: String,
}

/// Why a text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// It does not parse as a URL.
    #[error("it is not a URL such as https://headlamp.example.com")]
    NotAUrl,
    /// Browsers reach the gateway only by http or https.
    #[error("its scheme is not http or https")]
    Scheme,
    /// An origin ends after the port.
    #[error("it has more than scheme, host and port")]
    MoreThanOrigin,
}

impl Origin {
    /// Parses `https://host[:port]`, with or without one final `/`.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError::NotAUrl)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::Scheme),
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::MoreThanOrigin);
        }
        let host = url.host_str().ok_or(OriginError::NotAUrl)?.trim_end_matches('.').to_owned();
        let port = url.port_or_known_default().ok_or(OriginError::NotAUrl)?;
        let text = match url.port() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        Ok(Self { secure, host, port, text })
    }

    /// Returns the serialised origin, without a final `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the scheme is https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns the host in lower case, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether browsers trust the origin without TLS: 127.0.0.0/8, `[::1]`, `localhost`, `*.localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }

    /// Returns whether a URL has this origin.
    ///
    /// A final dot in the host makes a difference: to a browser `app.test.` is another host, with other cookies.
    pub fn contains(&self, url: &Url) -> bool {
        let scheme = if self.secure { "https" } else { "http" };
        url.scheme() == scheme
            && url.port_or_known_default() == Some(self.port)
            && url.host_str() == Some(&self.host)
    }

    fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }
}

/// Returns whether a host name or address literal means this machine.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}

/// The origins that the gateway serves, in the operator's order, and those that it only returns to.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    served: Vec<Origin>,
    returns: Vec<Origin>,
    domain: Option<String>,
}

impl Origins {
    /// Returns origins that each have their own sign-in.
    pub fn new(served: Vec<Origin>) -> Self {
        Self { served, ..Self::default() }
    }

    /// Returns origins of one domain, whose hosts all share the sign-in of one origin.
    pub fn sharing(domain: String, sign_in: Origin, others: Vec<Origin>) -> Self {
        let served = std::iter::once(sign_in).chain(others).collect();
        Self { served, domain: Some(domain), ..Self::default() }
    }

    /// Adds origins that a user may return to, but that the gateway does not serve.
    #[must_use]
    pub fn with_returns(self, returns: Vec<Origin>) -> Self {
        Self { returns, ..self }
    }

    /// Returns the domain whose hosts share one sign-in, if that is configured.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Returns the origin with the sign-in of an origin.
    pub fn sign_in_of<'o>(&'o self, origin: &'o Origin) -> &'o Origin {
        self.served.first().filter(|_| self.domain.is_some()).unwrap_or(origin)
    }

    /// Returns the served origin for a `Host` value, or `None` if there is none.
    ///
    /// The lookup ignores case, one final dot and the port; but if two entries have the same host, it compares the
    /// port. Scheme and port of the result are those of the entry, never those of the request.
    pub fn find(&self, host: &str) -> Option<&Origin> {
        let (name, port) = split_port(host)?;
        let mut named = self.served.iter().filter(|origin| origin.host.eq_ignore_ascii_case(name));
        let first = named.next()?;
        if named.next().is_none() {
            return Some(first);
        }
        self.served.iter().find(|origin| {
            origin.host.eq_ignore_ascii_case(name)
                && origin.port == port.unwrap_or_else(|| origin.default_port())
        })
    }

    /// Returns whether a URL has a served origin.
    pub fn serves(&self, url: &Url) -> bool {
        self.served.iter().any(|origin| origin.contains(url))
    }

    /// Returns whether a user may return to a URL.
    pub fn allows_return_to(&self, url: &Url) -> bool {
        self.served.iter().chain(&self.returns).any(|origin| origin.contains(url))
    }

    /// Returns the served origins.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.served.iter()
    }
}

/// Splits `host[:port]` with an IPv6 address in brackets, and removes one final dot.
///
/// The port must be as browsers write it: only digits, no leading zero, and at most 65535.
fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    let end_of_literal = if host.starts_with('[') { host.find(']')? + 1 } else { 0 };
    let (name, port) = match host.get(end_of_literal..)?.find(':') {
        Some(colon) => {
            let colon = end_of_literal + colon;
            let port = host.get(colon + 1..)?;
            // The number parser would also accept a sign and leading zeros.
            let plain = port.starts_with(|first| matches!(first, '1'..='9'));
            (host.get(..colon)?, Some(port.parse().ok().filter(|_| plain)?))
        }
        None => (host, None),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then_some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(list: &[&str]) -> Origins {
        Origins::new(list.iter().map(|text| Origin::parse(text).unwrap()).collect())
    }

    #[test]
    fn host_lookup_ignores_case_port_and_one_final_dot() {
        let ours = origins(&["https://Headlamp.example.com"]);
        for host in [
            "headlamp.example.com",
            "HEADLAMP.example.com",
            "headlamp.example.com.",
            "headlamp.example.com:8443",
        ] {
            assert_eq!(ours.find(host).unwrap().as_str(), "https://headlamp.example.com", "{host}");
        }
        for host in [
            "",
            ".",
            ":443",
            "example.com",
            "headlamp.example.com..",
            "headlamp.example.com:x",
            "headlamp.example.com:",
            "headlamp.example.com:+443",
            "headlamp.example.com:-443",
            "headlamp.example.com:00443",
            "headlamp.example.com:0",
            "headlamp.example.com:65536",
            "headlamp.example.com: 443",
            "a@headlamp.example.com",
        ] {
            assert!(ours.find(host).is_none(), "{host}");
        }
    }

    #[test]
    fn host_lookup_compares_the_port_if_two_entries_differ_by_it() {
        let ours = origins(&["https://a.test", "https://a.test:8443"]);
        assert_eq!(ours.find("a.test").unwrap().as_str(), "https://a.test");
        assert_eq!(ours.find("a.test:8443").unwrap().as_str(), "https://a.test:8443");
        assert!(ours.find("a.test:99").is_none());
    }

    #[test]
    fn ipv6_literal_is_found_as_host() {
        let ours = origins(&["http://[::1]:4180"]);
        assert!(ours.find("[::1]:4180").unwrap().is_loopback());
        assert!(ours.find("[::1").is_none());
    }

    #[test]
    fn url_with_more_than_an_origin_is_rejected() {
        assert_eq!(Origin::parse("https://a.test/x"), Err(OriginError::MoreThanOrigin));
        assert_eq!(Origin::parse("https://u@a.test"), Err(OriginError::MoreThanOrigin));
        assert_eq!(Origin::parse("ftp://a.test"), Err(OriginError::Scheme));
        assert_eq!(Origin::parse("a.test"), Err(OriginError::NotAUrl));
    }
}
