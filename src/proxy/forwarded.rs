//! Forwarded fields that the application receives

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};

use crate::access::field_names::{
    X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, has_prefix, is_same_name, remove_fields,
};
use crate::access::origin::Origin;

/// Prefixes of fields by which proxies state what a client requested, who it is, or its address.
const PREFIXES: [&str; 2] = ["x-forwarded-", "x-original-"];
const FIELDS: [&str; 4] = ["forwarded", "x-real-ip", "x-rewrite-url", "x-scheme"];

/// Removes every such field of a client, in every spelling that an application may treat as the same name.
pub(super) fn strip(headers: &mut HeaderMap) {
    remove_fields(headers, is_forwarded_field);
}

/// Sets the fields from the configured origin and the connection, never from a header. `Host` is also set from the
/// origin. Therefore no spelling of the client reaches an application that builds links with it.
pub(super) fn set(headers: &mut HeaderMap, origin: &Origin, client: IpAddr) {
    let proto = if origin.is_secure() { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    let host = origin.as_str().split_once("://").and_then(|(_, host)| HeaderValue::try_from(host).ok());
    // The host of an origin is always a valid header value. The fallback is empty, so that the client's `Host` is
    // never kept.
    let host = host.unwrap_or(const { HeaderValue::from_static("") });
    headers.insert(header::HOST, host.clone());
    headers.insert(X_FORWARDED_HOST, host);
    // An address is always a valid header value. Otherwise the field would be missing, never forged.
    if let Ok(client) = HeaderValue::try_from(client.to_canonical().to_string()) {
        headers.insert(X_FORWARDED_FOR, client);
    }
}

fn is_forwarded_field(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| has_prefix(name, prefix))
        || FIELDS.iter().any(|field| is_same_name(name, field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn forwarded_fields_of_the_client_are_stripped_in_any_spelling() {
        let claims = [
            "Forwarded",
            "X-Forwarded-For",
            "x_forwarded_prefix",
            "X.Forwarded.Port",
            "X-Forwarded-Access-Token",
            "X-Real_Ip",
            "X-Original-URL",
            "X-Rewrite-Url",
            "X-Scheme",
        ];
        let mut headers: HeaderMap =
            claims.iter().map(|name| (name.parse().unwrap(), HeaderValue::from_static("forged"))).collect();
        headers.insert("x-forward", HeaderValue::from_static("kept"));
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-forward"]);
    }

    #[test]
    fn forwarded_fields_are_set_from_origin_and_connection() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("APP.test.:08443"));
        set(
            &mut headers,
            &Origin::parse("https://app.test:8443").unwrap(),
            "::ffff:192.0.2.1".parse().unwrap(),
        );
        assert_eq!(headers[X_FORWARDED_PROTO], "https");
        assert_eq!([&headers[header::HOST], &headers[X_FORWARDED_HOST]], ["app.test:8443"; 2]);
        assert_eq!(headers[X_FORWARDED_FOR], "192.0.2.1");
    }
}
