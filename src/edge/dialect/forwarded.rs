//! Forwarded fields, in which a proxy describes the client's request
//!
//! 1. Each forwarded field must be present exactly once, because a second one was sent by the client.
//! 2. No other field is read: proxies forward `Forwarded`, `X-Original-*` and `X-Forwarded-Scheme` of a client
//!    unchanged.

use http::{HeaderMap, Method};

use super::definition::{CheckRequest, ReadError, Received};
use crate::access::client::TrustedProxies;
use crate::access::field_names::{
    FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_METHOD, X_FORWARDED_PROTO, X_FORWARDED_URI,
    forwarded_index,
};
use crate::access::target::Target;

/// Reads `X-Forwarded-{Method,Proto,Host,Uri,For}`. One iteration over all fields costs half as much as five lookups.
pub(super) fn read(received: Received<'_>) -> Result<CheckRequest<'_>, ReadError> {
    forwarded(&received.head.headers, received.trusted)
}

/// Reads the five forwarded fields among the fields of a request.
pub fn forwarded<'r>(
    headers: &'r HeaderMap,
    trusted: &TrustedProxies,
) -> Result<CheckRequest<'r>, ReadError> {
    let [method, proto, host, uri, addresses] = find_fields(headers)?;
    check_scheme(proto)?;
    let method = Method::from_bytes(method)
        .map_err(|_| ReadError::Malformed(X_FORWARDED_METHOD, "it is not a method"))?;
    let target = Target::parse(uri).map_err(|error| ReadError::Target(X_FORWARDED_URI, error))?;
    let host =
        str::from_utf8(host).map_err(|_| ReadError::Malformed(X_FORWARDED_HOST, "it is not a host"))?;
    // The proxy itself added the last entry, so it must be an address.
    let client = trusted.client(addresses);
    let client = client.ok_or(ReadError::Malformed(X_FORWARDED_FOR, "its last entry is not an address"))?;
    Ok(CheckRequest { method, target, host, client })
}

/// Returns the values of the five fields, each of which must be present exactly once.
fn find_fields(headers: &HeaderMap) -> Result<[&[u8]; 5], ReadError> {
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

/// Checks that browsers use this scheme. The scheme of the origin is the configured one.
fn check_scheme(proto: &[u8]) -> Result<(), ReadError> {
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

    /// Reads the fields without trusted proxies other than the peer.
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
    fn five_forwarded_fields_are_read() {
        let headers = map(&GOOD);
        let read = read(&headers).unwrap();
        assert_eq!((read.method, read.host), (Method::GET, "app.test"));
        assert_eq!(read.target.as_bytes(), b"/a?b");
        assert_eq!(read.client, "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn client_precedes_trusted_proxies_and_last_entry_is_an_address() {
        let mut headers = map(&GOOD);
        let mut trusted = TrustedProxies::default();
        trusted.add("10.0.0.1").unwrap();
        assert_eq!(forwarded(&headers, &trusted).unwrap().client, "203.0.113.9".parse::<IpAddr>().unwrap());
        headers.insert(X_FORWARDED_FOR, "10.0.0.1, unknown".parse().unwrap());
        let error = forwarded(&headers, &trusted).unwrap_err();
        assert!(error.to_string().contains("x-forwarded-for cannot be read"), "{error}");
    }

    #[test]
    fn each_forwarded_field_must_be_present_exactly_once() {
        for (index, field) in GOOD.iter().enumerate() {
            let name: HeaderName = field.0.parse().unwrap();
            let mut without = GOOD.to_vec();
            without.remove(index);
            assert_eq!(read(&map(&without)).unwrap_err(), ReadError::Missing(name.clone()));
            let mut twice = GOOD.to_vec();
            twice.push(*field);
            assert_eq!(read(&map(&twice)).unwrap_err(), ReadError::Repeated(name));
        }
    }

    #[test]
    fn http_and_websocket_schemes_are_accepted_and_others_rejected() {
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
        fn any_field_value_is_read_without_panic(
            index in 0_usize..5,
            value in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut headers = map(&GOOD);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(GOOD[index].0.parse::<HeaderName>().unwrap(), value);
            }
            if let Ok(read) = read(&headers) {
                prop_assert!(read.target.as_bytes().starts_with(b"/"));
                prop_assert!(!read.target.to_ascii().contains(|found: char| found.is_control() || found == ' '));
            }
        }
    }
}
