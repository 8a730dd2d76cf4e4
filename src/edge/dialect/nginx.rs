//! Dialect of nginx: `auth_request`
//!
//! 1. nginx sends a GET to a fixed path, with the client's header fields. Its settings add `X-Original-Method`,
//!    `X-Original-URL` and `X-Forwarded-For`, which replace the client's.
//! 2. A 200 lets the request pass. 401 and 403 refuse it. nginx turns any other status into 500, and forwards neither
//!    the body nor the fields of a refusal.
//! 3. So a refusal needs a second check. For the client, nginx then forwards the reply of `nginx-refusal` unchanged: a
//!    redirect, a page, or 503 with `Retry-After`. That reply is never a 200, even if the request would pass now.
//! 4. A setup without the second check redirects to the URL in `X-Sign-In`.
//! 5. nginx joins several `Set-Cookie` fields of a reply into one corrupt field. So each has a name of its own,
//!    `X-Set-Cookie-1` to `X-Set-Cookie-4`.
//! 6. nginx removes client fields by whole names only, so the gateway refuses a request with other fields that must not
//!    pass. nginx ignores names with characters other than letters, digits and `-`.
//! 7. The head of a reply must fit into `proxy_buffer_size`. Otherwise the client gets 500.

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::definition::{
    Asks, CheckRequest, Dialect, HttpDialect, Profile, ReadError, Received, Removals, Sender,
};
use super::original_url::OriginalUrl;
use crate::access::field_names::{X_FORWARDED_FOR, only_value};
use crate::edge::reply::Reply;
use crate::flow::caller::Caller;

const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const X_SIGN_IN: HeaderName = HeaderName::from_static("x-sign-in");
const X_SET_COOKIE: [HeaderName; 4] = [
    HeaderName::from_static("x-set-cookie-1"),
    HeaderName::from_static("x-set-cookie-2"),
    HeaderName::from_static("x-set-cookie-3"),
    HeaderName::from_static("x-set-cookie-4"),
];
/// `proxy_buffer_size` of the file in `deploy/nginx`, without the status line and the fields that the server adds.
const MAX_HEAD_BYTES: usize = 64 * 1024 - 256;

const CALLER: Caller = Caller {
    label: "nginx",
    patience: Duration::from_secs(5),
    cookie_remedy: "add Set-Cookie from X-Set-Cookie-1 to -4, as deploy/nginx/nginx.conf does",
};
const PROFILE: Profile = Profile {
    removals: Removals::WholeNames,
    max_head_bytes: Some(MAX_HEAD_BYTES),
    ..Profile::forward_auth(Sender::Proxy {
        own_user_agent: None,
        header_remedy: "in the locations of the checks, remove proxy_pass_request_headers off, and set no headers to \
                        other values than deploy/nginx/nginx.conf does",
    })
};

/// The dialect of nginx.
pub static NGINX: HttpDialect =
    HttpDialect { dialect: Dialect { caller: CALLER, profile: PROFILE, read }, render };

/// The dialect of the second check, whose reply reaches the client.
pub static NGINX_REFUSAL: HttpDialect = HttpDialect {
    dialect: Dialect {
        caller: Caller { label: "nginx-refusal", ..CALLER },
        profile: Profile { asks: Asks::AfterRefusal, ..PROFILE },
        read,
    },
    render: IntoResponse::into_response,
};

fn read(Received { head, trusted, .. }: Received<'_>) -> Result<CheckRequest<'_>, ReadError> {
    let field = |name: HeaderName| match only_value(&head.headers, &name) {
        Some(value) => Ok(value.as_bytes()),
        None if head.headers.contains_key(&name) => Err(ReadError::Repeated(name)),
        None => Err(ReadError::Missing(name)),
    };
    let method = Method::from_bytes(field(X_ORIGINAL_METHOD)?)
        .map_err(|_| ReadError::Malformed(X_ORIGINAL_METHOD, "it is not a method"))?;
    let OriginalUrl { host, target } =
        OriginalUrl::parse(field(X_ORIGINAL_URL)?).map_err(|error| ReadError::Url(X_ORIGINAL_URL, error))?;
    let client = trusted
        .client(field(X_FORWARDED_FOR)?)
        .ok_or(ReadError::Malformed(X_FORWARDED_FOR, "its last entry is not an address"))?;
    Ok(CheckRequest { method, target, host, client })
}

fn render(mut reply: Reply) -> Response<Body> {
    match reply.status {
        StatusCode::OK => number_cookies(&mut reply),
        StatusCode::FOUND | StatusCode::SEE_OTHER => {
            reply.status = StatusCode::UNAUTHORIZED;
            if let Some(url) = reply.headers.remove(header::LOCATION) {
                reply.headers.insert(X_SIGN_IN, url);
            }
        }
        StatusCode::UNAUTHORIZED => {
            // nginx would add the field to the reply to the second check, which has its own.
            reply.headers.remove(header::WWW_AUTHENTICATE);
        }
        status if status.is_client_error() => {
            reply.status = StatusCode::FORBIDDEN;
        }
        _ => {}
    }
    reply.into_response()
}

/// Gives each cookie a field of its own. If there are too many fields, no cookie is sent, rather than some of them.
fn number_cookies(reply: &mut Reply) {
    let header::Entry::Occupied(cookies) = reply.headers.entry(header::SET_COOKIE) else { return };
    let cookies: Vec<HeaderValue> = cookies.remove_entry_mult().1.collect();
    if cookies.len() <= X_SET_COOKIE.len() {
        reply.headers.extend(X_SET_COOKIE.into_iter().zip(cookies));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: StatusCode, fields: &[(HeaderName, &'static str)]) -> Reply {
        let mut reply = Reply::new(status);
        for (name, value) in fields {
            reply.headers.append(name, HeaderValue::from_static(value));
        }
        reply
    }

    #[test]
    fn nginx_gets_no_status_that_it_turns_into_an_error() {
        for (status, rendered) in [(200, 200), (302, 401), (303, 401), (400, 403), (401, 401), (403, 403)] {
            let response = render(reply(StatusCode::from_u16(status).unwrap(), &[]));
            assert_eq!(response.status(), rendered, "{status}");
        }
        assert_eq!(render(reply(StatusCode::SERVICE_UNAVAILABLE, &[])).status(), 503);
    }

    #[test]
    fn redirect_is_a_sign_in_url_without_location() {
        let response = render(reply(StatusCode::FOUND, &[(header::LOCATION, "https://app.test/start")]));
        assert_eq!(response.headers()[X_SIGN_IN], "https://app.test/start");
        assert!(!response.headers().contains_key(header::LOCATION));
    }

    #[test]
    fn each_cookie_has_a_name_of_its_own_and_none_is_sent_alone() {
        let cookies = ["a=1", "b=2", "c=3", "d=4", "e=5"].map(|cookie| (header::SET_COOKIE, cookie));
        let response = render(reply(StatusCode::OK, &cookies[..4]));
        let numbered = X_SET_COOKIE.map(|name| response.headers()[name].to_str().unwrap().to_owned());
        assert_eq!(numbered, ["a=1", "b=2", "c=3", "d=4"]);
        assert!(!response.headers().contains_key(header::SET_COOKIE));

        let response = render(reply(StatusCode::OK, &cookies));
        assert!(!response.headers().keys().any(|name| name.as_str().contains("set-cookie")));
    }
}
