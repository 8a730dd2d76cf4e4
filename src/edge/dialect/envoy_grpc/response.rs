//! Reply to a check over gRPC

use envoy_types::pb::envoy::config::core::v3::{HeaderValue as Field, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::BoolValue;
use envoy_types::pb::google::rpc::Status;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tonic::Code;

use crate::edge::reply::Reply;

/// Renders a reply.
pub fn render(reply: &Reply) -> CheckResponse {
    let code = grpc_code(reply.status);
    let response = if code == Code::Ok { allow(reply) } else { deny(reply) };
    CheckResponse {
        status: Some(Status { code: code.into(), ..Status::default() }),
        http_response: Some(response),
        ..CheckResponse::default()
    }
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

fn allow(reply: &Reply) -> HttpResponse {
    // These fields are about the reply itself.
    let is_meant_for_application =
        |name: &HeaderName| ![header::CACHE_CONTROL, header::VARY, header::SET_COOKIE].contains(name);
    let fields = reply.headers.iter().filter(|(name, _)| is_meant_for_application(name));
    let aliases = reply.remove_aliases.as_ref().and_then(|list| list.to_str().ok()).unwrap_or_default();
    let removed = reply.remove_headers.iter().map(HeaderName::as_str).chain(aliases.split(','));
    HttpResponse::OkResponse(OkHttpResponse {
        headers: fields.map(|field| option(field, false)).collect(),
        headers_to_remove: removed.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        response_headers_to_add: cookies(&reply.headers),
        ..OkHttpResponse::default()
    })
}

fn deny(reply: &Reply) -> HttpResponse {
    let fields = reply.headers.iter().filter(|(name, _)| **name != header::SET_COOKIE);
    let mut headers: Vec<_> = fields.map(|field| option(field, false)).collect();
    headers.extend(cookies(&reply.headers));
    HttpResponse::DeniedResponse(DeniedHttpResponse {
        status: Some(HttpStatus { code: reply.status.as_u16().into() }),
        headers,
        body: String::from_utf8_lossy(&reply.body).into_owned(),
    })
}

fn cookies(headers: &HeaderMap) -> Vec<HeaderValueOption> {
    headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| option((&header::SET_COOKIE, value), true))
        .collect()
}

/// Returns a field that replaces those with its name, or is added to them.
#[expect(deprecated, reason = "old versions of Envoy ignore the field that replaced `append`")]
fn option((name, value): (&HeaderName, &HeaderValue), append: bool) -> HeaderValueOption {
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    HeaderValueOption {
        header: Some(Field { key: name.as_str().to_owned(), value, ..Field::default() }),
        append: Some(BoolValue { value: append }),
        ..HeaderValueOption::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for cookie in ["a=1", "b=2"] {
            allowed.headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        allowed.remove_headers = vec![header::COOKIE];
        allowed.remove_aliases = Some(HeaderValue::from_static("x_forwarded_user,x.forwarded.user"));
        let rendered = render(&allowed);
        assert_eq!(rendered.status.unwrap().code, 0);
        let Some(HttpResponse::OkResponse(ok)) = rendered.http_response else { panic!() };
        assert_eq!(pairs(&ok.headers), [("x-forwarded-user", "alice")]);
        assert_eq!(ok.headers_to_remove, ["cookie", "x_forwarded_user", "x.forwarded.user"]);
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
