//! Attributes of a check over gRPC
//!
//! 1. Every attribute that a decision needs must be present. There is no default.
//! 2. A field whose name or value HTTP does not allow makes the check unreadable, rather than being left out.
//! 3. The limits of a request head are those of the other listeners.

use envoy_types::pb::envoy::config::core::v3::HeaderMap as RawHeaders;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest as Attributes;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use thiserror::Error;

use crate::edge::head_size::{MAX_FIELDS, MAX_HEAD_BYTES};

/// The key of the policy in `context_extensions`.
const POLICY: &str = "policy";

/// Why attributes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttributeError {
    /// There are no attributes of an HTTP request.
    #[error("the check has no attributes.request.http")]
    NoRequest,
    /// The path is missing.
    #[error("the check has no attributes.request.http.path")]
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

    /// Reads the attributes.
    pub fn read(attributes: Attributes) -> Result<Self, AttributeError> {
        let mut context = attributes.attributes.ok_or(AttributeError::NoRequest)?;
        let policy = context.context_extensions.remove(POLICY);
        let request = context.request.and_then(|request| request.http).ok_or(AttributeError::NoRequest)?;
        if request.path.is_empty() {
            return Err(AttributeError::NoPath);
        }
        let mut head = empty_head();
        head.method = Method::from_bytes(request.method.as_bytes()).map_err(|_| AttributeError::Method)?;
        head.headers = read_fields(&request)?;
        let host = HeaderValue::from_str(&request.host).map_err(|_| AttributeError::Host)?;
        // The attribute replaces the client's field.
        head.headers.insert(header::HOST, host);
        Ok(Self { head, policy, path: request.path })
    }
}

fn empty_head() -> Parts {
    http::Request::new(()).into_parts().0
}

/// Reads the header fields. With `encode_raw_headers`, each line is separate.
fn read_fields(request: &HttpRequest) -> Result<HeaderMap, AttributeError> {
    let mut fields = Fields { headers: HeaderMap::new(), bytes: request.path.len() };
    if let Some(RawHeaders { headers }) = &request.header_map {
        for field in headers {
            let value = if field.raw_value.is_empty() { field.value.as_bytes() } else { &field.raw_value };
            fields.push(&field.key, value)?;
        }
    }
    for (name, value) in &request.headers {
        fields.push(name, value.as_bytes())?;
    }
    Ok(fields.headers)
}

struct Fields {
    headers: HeaderMap,
    bytes: usize,
}

impl Fields {
    fn push(&mut self, name: &str, value: &[u8]) -> Result<(), AttributeError> {
        // Method, path and host are attributes of their own.
        if name.starts_with(':') {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(name.len()).saturating_add(value.len());
        if self.headers.len() >= MAX_FIELDS || self.bytes > MAX_HEAD_BYTES {
            return Err(AttributeError::TooLarge);
        }
        let invalid = || AttributeError::Field(name.chars().take(64).collect());
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        self.headers.append(field, HeaderValue::from_bytes(value).map_err(|_| invalid())?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use envoy_types::pb::envoy::config::core::v3::HeaderValue as RawField;
    use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::Request;

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
        Call::read(Attributes { attributes: Some(context) })
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
        assert_eq!(Call::read(Attributes { attributes: None }).unwrap_err(), AttributeError::NoRequest);
        let empty = Attributes { attributes: Some(AttributeContext::default()) };
        assert_eq!(Call::read(empty).unwrap_err(), AttributeError::NoRequest);
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
    fn too_many_or_too_long_fields_are_an_error() {
        let many = (0..10_000).map(|number| (format!("x-{number}"), String::new())).collect();
        assert_eq!(read(HttpRequest { headers: many, ..request() }).unwrap_err(), AttributeError::TooLarge);
        let long = HashMap::from([("x".to_owned(), "y".repeat(MAX_HEAD_BYTES))]);
        assert_eq!(read(HttpRequest { headers: long, ..request() }).unwrap_err(), AttributeError::TooLarge);
        let path = format!("/{}", "y".repeat(MAX_HEAD_BYTES));
        assert_eq!(read(HttpRequest { path, ..request() }).unwrap_err(), AttributeError::TooLarge);
    }
}
