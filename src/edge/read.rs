//! What did the proxy say about the client's request?
//!
//! 1. Each forwarded field must come exactly once: a second one is somebody else's.
//! 2. No other field is asked, whatever the client sends: `Forwarded`, `X-Original-*` and `X-Forwarded-Scheme` pass
//!    through proxies untouched.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method};
use thiserror::Error;

use crate::access::target::{Target, TargetError};

/// The forwarded fields of one dialect's request.
#[derive(Debug)]
pub struct Forwarded<'a> {
    /// The client's method.
    pub method: Method,
    /// The client's path and query.
    pub target: Target<'a>,
    /// The host the client asked for.
    pub host: &'a str,
    /// The client's address, as the proxy saw it.
    pub client: IpAddr,
}

/// Why a question cannot be understood. The proxy's configuration is at fault, or somebody plays proxy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The field is not there.
    #[error("the header {0} is missing: the proxy must set it")]
    Missing(HeaderName),
    /// The field came more than once.
    #[error("the header {0} came more than once: the proxy must replace what the client sends")]
    Repeated(HeaderName),
    /// The field cannot be read.
    #[error("the header {0} cannot be read: {1}")]
    Malformed(HeaderName, &'static str),
    /// The target cannot be read.
    #[error("the header {0} cannot be read: {1}")]
    Target(HeaderName, TargetError),
}

const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Reads `X-Forwarded-{Method,Proto,Host,Uri,For}`.
pub fn forwarded(headers: &HeaderMap) -> Result<Forwarded<'_>, ReadError> {
    scheme(headers)?;
    let method = Method::from_bytes(once(headers, &FORWARDED_METHOD)?)
        .map_err(|_| ReadError::Malformed(FORWARDED_METHOD, "it is not a method"))?;
    let target = Target::parse(once(headers, &FORWARDED_URI)?)
        .map_err(|error| ReadError::Target(FORWARDED_URI, error))?;
    let host = text(headers, &FORWARDED_HOST, "it is not a host")?;
    Ok(Forwarded { method, target, host, client: client(headers)? })
}

/// The scheme is the configured origin's; here it only must be one that a browser uses.
fn scheme(headers: &HeaderMap) -> Result<(), ReadError> {
    match once(headers, &FORWARDED_PROTO)? {
        b"http" | b"https" | b"ws" | b"wss" => Ok(()),
        _ => Err(ReadError::Malformed(FORWARDED_PROTO, "it is not http, https, ws or wss")),
    }
}

/// The last entry is the one that the proxy itself added.
fn client(headers: &HeaderMap) -> Result<IpAddr, ReadError> {
    let addresses = text(headers, &FORWARDED_FOR, "it is not a list of addresses")?;
    let last = addresses.rsplit(',').next().unwrap_or_default().trim();
    last.parse::<IpAddr>()
        .map(|address| address.to_canonical())
        .map_err(|_| ReadError::Malformed(FORWARDED_FOR, "its last entry is not an address"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName, wrong: &'static str) -> Result<&'a str, ReadError> {
    std::str::from_utf8(once(headers, name)?).map_err(|_| ReadError::Malformed(name.clone(), wrong))
}

/// The value of a field that must come exactly once.
pub fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a [u8], ReadError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| ReadError::Missing(name.clone()))?;
    match values.next() {
        None => Ok(value.as_bytes()),
        Some(_) => Err(ReadError::Repeated(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const GOOD: [(&str, &str); 5] = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.test"),
        ("x-forwarded-uri", "/a?b"),
        ("x-forwarded-for", "203.0.113.9, ::ffff:10.0.0.1"),
    ];

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_five_fields_are_read() {
        let headers = map(&GOOD);
        let read = forwarded(&headers).unwrap();
        assert_eq!((read.method, read.host), (Method::GET, "app.test"));
        assert_eq!(read.target.as_bytes(), b"/a?b");
        assert_eq!(read.client, "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn each_field_must_come_exactly_once() {
        for (index, one) in GOOD.iter().enumerate() {
            let name: HeaderName = one.0.parse().unwrap();
            let mut without = GOOD.to_vec();
            without.remove(index);
            assert_eq!(forwarded(&map(&without)).unwrap_err(), ReadError::Missing(name.clone()));
            let mut twice = GOOD.to_vec();
            twice.push(*one);
            assert_eq!(forwarded(&map(&twice)).unwrap_err(), ReadError::Repeated(name));
        }
    }

    #[test]
    fn a_socket_scheme_is_a_scheme_and_others_are_not() {
        for (scheme, good) in
            [("ws", true), ("wss", true), ("http", true), ("HTTPS", false), ("ftp", false), ("", false)]
        {
            let mut headers = map(&GOOD);
            headers.insert(FORWARDED_PROTO, scheme.parse().unwrap());
            assert_eq!(forwarded(&headers).is_ok(), good, "{scheme}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(index in 0_usize..5, value in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut headers = map(&GOOD);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(GOOD[index].0.parse::<HeaderName>().unwrap(), value);
            }
            if let Ok(read) = forwarded(&headers) {
                prop_assert!(read.target.as_bytes().starts_with(b"/"));
                prop_assert!(!read.target.to_ascii().contains(|one: char| one.is_control() || one == ' '));
            }
        }
    }
}
