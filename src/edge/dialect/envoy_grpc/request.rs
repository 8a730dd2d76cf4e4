//! Attributes of a check over gRPC
//!
//! 1. Every attribute that a decision needs must be present. There is no default.
//! 2. A field whose name or value HTTP does not allow makes the check unreadable, rather than being left out. So does a
//!    text that is not UTF-8.
//! 3. The limits of a request head are those of the other listeners.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use prost::Message;
use thiserror::Error;

use super::messages::{CheckRequest, Field, HttpRequest};
use crate::edge::head_size::{MAX_FIELDS, MAX_HEAD_BYTES};

/// The key of the policy in `context_extensions`.
const POLICY: &[u8] = b"policy";

/// Why attributes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttributeError {
    /// The bytes are not a message.
    #[error("the check is not a message CheckRequest")]
    NoMessage,
    /// There are no attributes of an HTTP request.
    #[error("the check has no attributes.request.http")]
    NoRequest,
    /// The path is missing, or is not UTF-8.
    #[error("the check has no attributes.request.http.path in UTF-8")]
    NoPath,
    /// The method is missing, or is not a method.
    #[error("attributes.request.http.method is not a method")]
    Method,
    /// The host is not text that a header can carry.
    #[error("attributes.request.http.host is not a host")]
    Host,
    /// A name or a value is not allowed in HTTP.
    #[error("the header {0} has a name or a value that HTTP does not allow")]
    Field(String),
    /// There are too many fields, or they are too long.
    #[error("the request has more than {MAX_FIELDS} header fields, or they are longer than 32 KiB")]
    TooLarge,
}

/// The client's request, and the policy.
#[derive(Debug)]
pub struct Call {
    /// Method and header fields.
    pub head: Parts,
    /// The policy that Envoy names, if any.
    pub policy: Option<String>,
    /// Path and query, not decoded.
    pub path: String,
}

impl Call {
    /// Returns a call without content, for a check that cannot be read.
    pub fn empty() -> Self {
        Self { head: empty_head(), policy: None, path: String::new() }
    }

    /// Reads a message `CheckRequest`.
    pub fn decode(message: Bytes) -> Result<Self, AttributeError> {
        let message = CheckRequest::decode(message).map_err(|_| AttributeError::NoMessage)?;
        let context = message.attributes.ok_or(AttributeError::NoRequest)?;
        let policy = context.context_extensions.into_iter().rfind(|entry| entry.key == POLICY);
        let request = context.request.and_then(|request| request.http).ok_or(AttributeError::NoRequest)?;
        let path = std::str::from_utf8(&request.path).map_err(|_| AttributeError::NoPath)?.to_owned();
        if path.is_empty() {
            return Err(AttributeError::NoPath);
        }
        let mut head = empty_head();
        head.method = Method::from_bytes(&request.method).map_err(|_| AttributeError::Method)?;
        let host = HeaderValue::from_maybe_shared(request.host.clone()).map_err(|_| AttributeError::Host)?;
        head.headers = read_fields(request)?;
        // The attribute replaces the client's field.
        head.headers.insert(header::HOST, host);
        // No configured policy has a name that is not UTF-8.
        let policy = policy.map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
        Ok(Self { head, policy, path })
    }
}

fn empty_head() -> Parts {
    http::Request::new(()).into_parts().0
}

/// Reads the header fields. With `encode_raw_headers`, each line is separate.
fn read_fields(request: HttpRequest) -> Result<HeaderMap, AttributeError> {
    let raw = request.header_map.map(|map| map.headers).unwrap_or_default();
    let count = raw.len() + request.headers.len();
    let mut fields =
        Fields { headers: HeaderMap::with_capacity(count.min(MAX_FIELDS)), bytes: request.path.len() };
    for field in raw.into_iter().chain(request.headers) {
        fields.push(field)?;
    }
    Ok(fields.headers)
}

struct Fields {
    headers: HeaderMap,
    bytes: usize,
}

impl Fields {
    fn push(&mut self, Field { key, value, raw_value }: Field) -> Result<(), AttributeError> {
        // Method, path and host are attributes of their own.
        if key.starts_with(b":") {
            return Ok(());
        }
        // Only a raw value may have bytes that are not UTF-8.
        let is_readable = !raw_value.is_empty() || std::str::from_utf8(&value).is_ok();
        let value = if raw_value.is_empty() { value } else { raw_value };
        self.bytes = self.bytes.saturating_add(key.len()).saturating_add(value.len());
        if self.headers.len() >= MAX_FIELDS || self.bytes > MAX_HEAD_BYTES {
            return Err(AttributeError::TooLarge);
        }
        let invalid = || AttributeError::Field(String::from_utf8_lossy(&key).chars().take(64).collect());
        let name = HeaderName::from_bytes(&key).map_err(|_| invalid())?;
        let value = HeaderValue::from_maybe_shared(value).ok().filter(|_| is_readable).ok_or_else(invalid)?;
        self.headers.append(name, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use envoy_types::pb::envoy::config::core::v3::HeaderMap as RawHeaders;
    use envoy_types::pb::envoy::config::core::v3::HeaderValue as RawField;
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
    use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

    use super::*;

    fn request() -> HttpRequest {
        HttpRequest {
            method: "GET".to_owned(),
            path: "/a?b".to_owned(),
            host: "app.test".to_owned(),
            headers: HashMap::from([
                (":path".to_owned(), "/other".to_owned()),
                ("host".to_owned(), "evil.test".to_owned()),
                ("accept".to_owned(), "text/html".to_owned()),
            ]),
            ..HttpRequest::default()
        }
    }

    fn read(http: HttpRequest) -> Result<Call, AttributeError> {
        let request = Some(Request { http: Some(http), ..Request::default() });
        let context_extensions = HashMap::from([("policy".to_owned(), "staff".to_owned())]);
        let context = AttributeContext { request, context_extensions, ..AttributeContext::default() };
        decode(&CheckRequest { attributes: Some(context) })
    }

    fn decode(message: &CheckRequest) -> Result<Call, AttributeError> {
        Call::decode(message.encode_to_vec().into())
    }

    #[test]
    fn attributes_become_a_request_whose_host_is_the_attribute() {
        let call = read(request()).unwrap();
        assert_eq!(
            (call.head.method.as_str(), &*call.path, call.policy.as_deref()),
            ("GET", "/a?b", Some("staff"))
        );
        assert_eq!(call.head.headers.get_all(header::HOST).iter().collect::<Vec<_>>(), ["app.test"]);
        assert_eq!(call.head.headers["accept"], "text/html");
        assert_eq!(call.head.headers.len(), 2);
    }

    #[test]
    fn raw_headers_keep_lines_and_bytes() {
        let field = |key: &str, value: &str, raw: &[u8]| RawField {
            key: key.to_owned(),
            value: value.to_owned(),
            raw_value: raw.to_vec(),
        };
        let headers = vec![field("cookie", "", b"a=1"), field("cookie", "b=2", b""), field("x", "", b"\xe9")];
        let raw =
            HttpRequest { header_map: Some(RawHeaders { headers }), headers: HashMap::new(), ..request() };
        let fields = read(raw).unwrap().head.headers;
        assert_eq!(fields.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(fields["x"].as_bytes(), b"\xe9");
    }

    #[test]
    fn missing_attribute_is_an_error() {
        assert_eq!(decode(&CheckRequest { attributes: None }).unwrap_err(), AttributeError::NoRequest);
        let empty = CheckRequest { attributes: Some(AttributeContext::default()) };
        assert_eq!(decode(&empty).unwrap_err(), AttributeError::NoRequest);
        let without_path = HttpRequest { path: String::new(), ..request() };
        assert_eq!(read(without_path).unwrap_err(), AttributeError::NoPath);
        for method in ["", "G T", "GET\r\n"] {
            assert_eq!(
                read(HttpRequest { method: method.to_owned(), ..request() }).unwrap_err(),
                AttributeError::Method
            );
        }
        let host = "app.test\r\nx: y".to_owned();
        assert_eq!(read(HttpRequest { host, ..request() }).unwrap_err(), AttributeError::Host);
    }

    #[test]
    fn field_that_http_does_not_allow_is_an_error() {
        for (name, value) in [("", "x"), ("a b", "x"), ("a", "x\r\ny"), ("a", "x\0"), ("a\r\nb", "x")] {
            let headers = HashMap::from([(name.to_owned(), value.to_owned())]);
            let error = read(HttpRequest { headers, ..request() }).unwrap_err();
            assert_eq!(error, AttributeError::Field(name.to_owned()), "{name:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_message_and_texts_that_are_not_utf_8_are_an_error() {
        // Fields of `HttpRequest`: 2 method, 3 header, 4 path, 5 host.
        let message = |http: &[&[u8]]| {
            let nested =
                |tag: u8, inner: &[u8]| [&[tag << 3 | 2, u8::try_from(inner.len()).unwrap()], inner].concat();
            nested(1, &nested(4, &nested(2, &http.concat())))
        };
        let [method, path]: [&[u8]; 2] = [b"\x12\x03GET", b"\x22\x02/a"];
        let read = |fields: &[&[u8]]| Call::decode(message(fields).into()).map(|call| call.head.headers);
        assert_eq!(read(&[method, path, b"\x1a\x06\x0a\x01x\x12\x01y"]).unwrap()["x"], "y");
        assert_eq!(
            read(&[method, path, b"\x1a\x06\x0a\x01x\x12\x01\xff"]).unwrap_err(),
            AttributeError::Field("x".to_owned())
        );
        assert_eq!(read(&[method, b"\x22\x02/\xff"]).unwrap_err(), AttributeError::NoPath);
        assert_eq!(read(&[method, b"\x22\x7f/"]).unwrap_err(), AttributeError::NoMessage);
        assert_eq!(Call::decode(Bytes::from_static(b"\xff")).unwrap_err(), AttributeError::NoMessage);
    }

    #[test]
    fn too_many_or_too_long_fields_are_an_error() {
        let many = (0..10_000).map(|number| (format!("x-{number}"), String::new())).collect();
        assert_eq!(read(HttpRequest { headers: many, ..request() }).unwrap_err(), AttributeError::TooLarge);
        let long = HashMap::from([("x".to_owned(), "y".repeat(MAX_HEAD_BYTES))]);
        assert_eq!(read(HttpRequest { headers: long, ..request() }).unwrap_err(), AttributeError::TooLarge);
        let path = format!("/{}", "y".repeat(MAX_HEAD_BYTES));
        assert_eq!(read(HttpRequest { path, ..request() }).unwrap_err(), AttributeError::TooLarge);
    }
}
