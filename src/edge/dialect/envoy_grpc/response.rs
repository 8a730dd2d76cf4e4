//! Reply to a check over gRPC: a message `CheckResponse` of `envoy.service.auth.v3`
//!
//! It is written directly from the reply. A reply to a request that passes names over a hundred fields to remove, and a
//! text for each of them would cost more than the decision.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, StatusCode, header};
use prost::{encode_length_delimiter, length_delimiter_len};
use tonic::Code;

use crate::edge::reply::Reply;

/// The size that most replies do not exceed, in bytes.
const USUAL_BYTES: usize = 8 * 1024;

/// Encodes a reply as `CheckResponse`.
pub fn encode(reply: &Reply) -> Vec<u8> {
    let code = grpc_code(reply.status);
    let mut response = Message::new();
    // 1 `status`, 2 `denied_response`, 3 `ok_response`
    response.number(1, code as usize);
    if code == Code::Ok {
        response.bytes(3, &allow(reply).0);
    } else {
        response.bytes(2, &deny(reply).0);
    }
    response.0
}

/// Returns the code of the message. A refusal never has [`Code::Ok`], with which the request would pass.
fn grpc_code(status: StatusCode) -> Code {
    match status {
        StatusCode::OK => Code::Ok,
        StatusCode::UNAUTHORIZED | StatusCode::FOUND | StatusCode::SEE_OTHER => Code::Unauthenticated,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::PermissionDenied,
    }
}

/// `OkHttpResponse`: 2 `headers`, 5 `headers_to_remove`, 6 `response_headers_to_add`
fn allow(reply: &Reply) -> Message {
    let mut response = Message::new();
    for (name, value) in &reply.headers {
        if *name == header::SET_COOKIE {
            response.option(6, name, value, true);
        } else if [header::CACHE_CONTROL, header::VARY].contains(name) {
            // These are about the reply itself.
        } else if value.is_empty() {
            // agentgateway skips an empty field, and the client's field would arrive.
            response.bytes(5, name.as_str().as_bytes());
        } else {
            response.option(2, name, value, false);
        }
    }
    for name in &reply.remove_headers {
        response.bytes(5, name.as_str().as_bytes());
    }
    let aliases = reply.remove_aliases.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
    for alias in aliases.split(|byte| *byte == b',').filter(|alias| !alias.is_empty()) {
        response.bytes(5, alias);
    }
    response
}

/// `DeniedHttpResponse`: 1 `status`, 2 `headers`, 3 `body`
fn deny(reply: &Reply) -> Message {
    let mut response = Message::new();
    response.number(1, reply.status.as_u16().into());
    for (name, value) in &reply.headers {
        response.option(2, name, value, *name == header::SET_COOKIE);
    }
    response.bytes(3, &text(&reply.body));
    response
}

/// How the value of a field is written.
#[derive(Clone, Copy)]
enum WireType {
    Number = 0,
    Bytes = 2,
}

/// An encoded message of protocol buffers.
struct Message(Vec<u8>);

impl Message {
    fn new() -> Self {
        Self(Vec::with_capacity(USUAL_BYTES))
    }

    fn key(&mut self, tag: u8, wire_type: WireType) {
        self.0.push(tag << 3 | wire_type as u8);
    }

    fn length(&mut self, value: usize) {
        // A vector always has room.
        let _never_fails = encode_length_delimiter(value, &mut self.0);
    }

    fn bytes(&mut self, tag: u8, value: &[u8]) {
        self.key(tag, WireType::Bytes);
        self.length(value.len());
        self.0.extend_from_slice(value);
    }

    /// Writes a message whose only field, 1, is a number: `google.rpc.Status`, `HttpStatus` or `BoolValue`.
    fn number(&mut self, tag: u8, value: usize) {
        self.key(tag, WireType::Bytes);
        self.length(1 + length_delimiter_len(value));
        self.key(1, WireType::Number);
        self.length(value);
    }

    /// Writes a `HeaderValueOption`: 1 `header`, 2 `append`. It replaces the fields with its name, or is added to them.
    ///
    /// Old versions of Envoy ignore the field that replaced `append`.
    fn option(&mut self, tag: u8, name: &HeaderName, value: &HeaderValue, append: bool) {
        const APPEND_BYTES: usize = 4;
        let (name, value) = (name.as_str().as_bytes(), text(value.as_bytes()));
        let header_bytes = bytes_len(name) + bytes_len(&value);
        self.key(tag, WireType::Bytes);
        self.length(1 + length_delimiter_len(header_bytes) + header_bytes + APPEND_BYTES);
        // `HeaderValue`: 1 `key`, 2 `value`
        self.key(1, WireType::Bytes);
        self.length(header_bytes);
        self.bytes(1, name);
        self.bytes(2, &value);
        self.number(2, append.into());
    }
}

/// Returns the length of a field of bytes.
fn bytes_len(value: &[u8]) -> usize {
    1 + length_delimiter_len(value.len()) + value.len()
}

/// Returns a text. It must be UTF-8, or Envoy cannot read the message.
fn text(value: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(value) {
        Ok(_) => Cow::Borrowed(value),
        Err(_) => Cow::Owned(String::from_utf8_lossy(value).into_owned().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
    use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
    use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
    use prost::Message as _;

    use super::*;

    /// Returns the message that Envoy reads.
    fn render(reply: &Reply) -> CheckResponse {
        CheckResponse::decode(&*encode(reply)).unwrap()
    }

    fn reply(status: u16) -> Reply {
        let mut reply = Reply::text(StatusCode::from_u16(status).unwrap(), "text");
        for cookie in ["a=1", "b=2"] {
            reply.headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        reply
    }

    fn pairs(fields: &[HeaderValueOption]) -> Vec<(&str, &str)> {
        fields
            .iter()
            .map(|field| field.header.as_ref().unwrap())
            .map(|header| (header.key.as_str(), header.value.as_str()))
            .collect()
    }

    #[test]
    fn refusal_never_has_the_code_with_which_envoy_lets_a_request_pass() {
        for status in (100..600).filter(|status| *status != 200) {
            let rendered = render(&reply(status));
            assert_ne!(rendered.status.unwrap().code, 0, "{status}");
            let Some(HttpResponse::DeniedResponse(denied)) = rendered.http_response else {
                panic!("{status}")
            };
            assert_eq!(denied.status.unwrap().code, i32::from(status));
        }
    }

    #[test]
    fn refusal_has_all_fields_all_cookies_and_the_body() {
        let Some(HttpResponse::DeniedResponse(denied)) = render(&reply(403)).http_response else { panic!() };
        let fields = pairs(&denied.headers);
        assert!(
            fields.contains(&("set-cookie", "a=1")) && fields.contains(&("set-cookie", "b=2")),
            "{fields:?}"
        );
        assert!(fields.contains(&("cache-control", "no-store")), "{fields:?}");
        assert_eq!(denied.body, "text");
    }

    #[test]
    fn allow_sets_fields_removes_names_and_adds_each_cookie_to_the_response() {
        let mut allowed = Reply::new(StatusCode::OK);
        allowed.headers.remove(header::X_CONTENT_TYPE_OPTIONS);
        allowed.headers.insert("x-forwarded-user", HeaderValue::from_static("alice"));
        allowed.headers.insert("x-forwarded-group", HeaderValue::from_static(""));
        for cookie in ["a=1", "b=2"] {
            allowed.headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        allowed.remove_headers = vec![header::COOKIE];
        allowed.remove_aliases = Some(HeaderValue::from_static("x_forwarded_user,x.forwarded.user"));
        let rendered = render(&allowed);
        assert_eq!(rendered.status.unwrap().code, 0);
        let Some(HttpResponse::OkResponse(ok)) = rendered.http_response else { panic!() };
        assert_eq!(pairs(&ok.headers), [("x-forwarded-user", "alice")]);
        let removed = ["x-forwarded-group", "cookie", "x_forwarded_user", "x.forwarded.user"];
        assert_eq!(ok.headers_to_remove, removed, "an empty field is removed");
        assert_eq!(pairs(&ok.response_headers_to_add), [("set-cookie", "a=1"), ("set-cookie", "b=2")]);
        #[expect(deprecated, reason = "the field under test")]
        let append: Vec<_> = ok
            .response_headers_to_add
            .iter()
            .map(|field| field.append.is_some_and(|append| append.value))
            .collect();
        assert_eq!(append, [true, true]);
    }
}
