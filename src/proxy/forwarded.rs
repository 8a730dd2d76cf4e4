//! What is the application told about where a request came from?

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::access::origin::Origin;

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Families of fields by which proxies tell what a client asked for, who it is, or where it is.
const FAMILIES: [&str; 2] = ["x-forwarded-", "x-original-"];
const FIELDS: [&str; 4] = ["forwarded", "x-real-ip", "x-rewrite-url", "x-scheme"];

/// Removes whatever a client says about where it comes from, in every spelling a back end may fold into the same name.
pub(super) fn strip(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers.keys().filter(|name| is_claim(name.as_str())).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

/// Says it from what we know: the origin's entry and the connection, never a header. `Host` is the entry's too, so that
/// no spelling of the client's reaches an application that builds links with it.
pub(super) fn set(headers: &mut HeaderMap, origin: &Origin, client: IpAddr) {
    let proto = if origin.is_secure() { "https" } else { "http" };
    headers.insert(PROTO, HeaderValue::from_static(proto));
    let host = origin.as_str().split_once("://").and_then(|(_, host)| HeaderValue::try_from(host).ok());
    // A host of an origin is always a header value; were it not, the client's must not stand in its place.
    let host = host.unwrap_or(const { HeaderValue::from_static("") });
    headers.insert(header::HOST, host.clone());
    headers.insert(HOST, host);
    // An address is always a header value; were it not, the field would be missing, and no forged one in its place.
    if let Ok(client) = HeaderValue::try_from(client.to_canonical().to_string()) {
        headers.insert(FOR, client);
    }
}

fn is_claim(name: &str) -> bool {
    FAMILIES.iter().any(|family| begins_folded(name, family))
        || FIELDS.iter().any(|field| name.len() == field.len() && begins_folded(name, field))
}

/// Whether a lower-case name begins so for a back end that reads every byte but letters and digits as the same one.
fn begins_folded(name: &str, start: &str) -> bool {
    let same = |(byte, wanted): (u8, u8)| byte == wanted || (wanted == b'-' && !byte.is_ascii_alphanumeric());
    name.len() >= start.len() && name.bytes().zip(start.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_claim_of_the_client_survives_in_any_spelling() {
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
    fn the_origin_and_the_connection_are_told() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("APP.test.:08443"));
        set(
            &mut headers,
            &Origin::parse("https://app.test:8443").unwrap(),
            "::ffff:192.0.2.1".parse().unwrap(),
        );
        assert_eq!(headers[PROTO], "https");
        assert_eq!([&headers[header::HOST], &headers[HOST]], ["app.test:8443"; 2]);
        assert_eq!(headers[FOR], "192.0.2.1");
    }
}
