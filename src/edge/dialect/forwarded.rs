//! The forwarded fields, by which a proxy describes the client's request.
//!
//! 1. Each forwarded field must come exactly once: a second one is the client's.
//! 2. No other field is asked, whatever the client sends: `Forwarded`, `X-Original-*` and `X-Forwarded-Scheme` pass
//!    through proxies untouched.

use http::request::Parts;
use http::{HeaderMap, Method};

use super::definition::{CheckRequest, ReadError};
use crate::access::client::TrustedProxies;
use crate::access::field_names::{
    FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_METHOD, X_FORWARDED_PROTO, X_FORWARDED_URI,
    forwarded_index,
};
use crate::access::target::Target;
use crate::edge::peer::Peer;

/// Reads `X-Forwarded-{Method,Proto,Host,Uri,For}`, in one walk over the fields: five look-ups cost twice that.
pub(super) fn read<'r>(
    request: &'r Parts,
    _: Peer,
    trusted: &TrustedProxies,
) -> Result<CheckRequest<'r>, ReadError> {
    forwarded(&request.headers, trusted)
}

/// Reads the five out of the fields of a request.
pub fn forwarded<'r>(
    headers: &'r HeaderMap,
    trusted: &TrustedProxies,
) -> Result<CheckRequest<'r>, ReadError> {
    let [method, proto, host, uri, addresses] = fields(headers)?;
    scheme(proto)?;
    let method = Method::from_bytes(method)
        .map_err(|_| ReadError::Malformed(X_FORWARDED_METHOD, "it is not a method"))?;
    let target = Target::parse(uri).map_err(|error| ReadError::Target(X_FORWARDED_URI, error))?;
    let host =
        str::from_utf8(host).map_err(|_| ReadError::Malformed(X_FORWARDED_HOST, "it is not a host"))?;
    // The last entry is the asking proxy's own, so it must be an address.
    let client = trusted.client(addresses);
    let client = client.ok_or(ReadError::Malformed(X_FORWARDED_FOR, "its last entry is not an address"))?;
    Ok(CheckRequest { method, target, host, client })
}

/// The values of the five, each of which must come exactly once.
fn fields(headers: &HeaderMap) -> Result<[&[u8]; 5], ReadError> {
    let mut found: [Option<&[u8]>; 5] = [None; 5];
    for (name, value) in headers {
        let slot = forwarded_index(name.as_str()).and_then(|index| found.get_mut(index));
        if slot.is_some_and(|slot| slot.replace(value.as_bytes()).is_some()) {
            return Err(ReadError::Repeated(name.clone()));
        }
    }
    let mut values: [&[u8]; 5] = [&[]; 5];
    for ((value, found), name) in values.iter_mut().zip(found).zip(&FORWARDED) {
        *value = found.ok_or_else(|| ReadError::Missing(name.clone()))?;
    }
    Ok(values)
}

/// The scheme is the configured origin's; here it only must be one that a browser uses.
fn scheme(proto: &[u8]) -> Result<(), ReadError> {
    match proto {
        b"http" | b"https" | b"ws" | b"wss" => Ok(()),
        _ => Err(ReadError::Malformed(X_FORWARDED_PROTO, "it is not http, https, ws or wss")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;
    use std::net::IpAddr;

    const GOOD: [(&str, &str); 5] = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.test"),
        ("x-forwarded-uri", "/a?b"),
        ("x-forwarded-for", "203.0.113.9, ::ffff:10.0.0.1"),
    ];

    /// With no proxy but the one that asks.
    fn read(headers: &HeaderMap) -> Result<CheckRequest<'_>, ReadError> {
        forwarded(headers, &TrustedProxies::default())
    }

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_five_fields_are_read() {
        let headers = map(&GOOD);
        let read = read(&headers).unwrap();
        assert_eq!((read.method, read.host), (Method::GET, "app.test"));
        assert_eq!(read.target.as_bytes(), b"/a?b");
        assert_eq!(read.client, "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn the_client_is_behind_the_trusted_proxies_and_the_last_entry_an_address() {
        let mut headers = map(&GOOD);
        let mut trusted = TrustedProxies::default();
        trusted.add("10.0.0.1").unwrap();
        assert_eq!(forwarded(&headers, &trusted).unwrap().client, "203.0.113.9".parse::<IpAddr>().unwrap());
        headers.insert(X_FORWARDED_FOR, "10.0.0.1, unknown".parse().unwrap());
        let error = forwarded(&headers, &trusted).unwrap_err();
        assert!(error.to_string().contains("x-forwarded-for cannot be read"), "{error}");
    }

    #[test]
    fn each_field_must_come_exactly_once() {
        for (index, one) in GOOD.iter().enumerate() {
            let name: HeaderName = one.0.parse().unwrap();
            let mut without = GOOD.to_vec();
            without.remove(index);
            assert_eq!(read(&map(&without)).unwrap_err(), ReadError::Missing(name.clone()));
            let mut twice = GOOD.to_vec();
            twice.push(*one);
            assert_eq!(read(&map(&twice)).unwrap_err(), ReadError::Repeated(name));
        }
    }

    #[test]
    fn a_socket_scheme_is_a_scheme_and_others_are_not() {
        for (scheme, good) in
            [("ws", true), ("wss", true), ("http", true), ("HTTPS", false), ("ftp", false), ("", false)]
        {
            let mut headers = map(&GOOD);
            headers.insert(X_FORWARDED_PROTO, scheme.parse().unwrap());
            assert_eq!(read(&headers).is_ok(), good, "{scheme}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(index in 0_usize..5, value in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut headers = map(&GOOD);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(GOOD[index].0.parse::<HeaderName>().unwrap(), value);
            }
            if let Ok(read) = read(&headers) {
                prop_assert!(read.target.as_bytes().starts_with(b"/"));
                prop_assert!(!read.target.to_ascii().contains(|one: char| one.is_control() || one == ' '));
            }
        }
    }
}
