//! Dialect of Envoy's `ext_authz` over HTTP
//!
//! 1. Envoy sends the client's method, `Host`, path and query. It appends the path and query to `path_prefix`, after its
//!    own normalisation. The gateway decodes nothing in them.
//! 2. Envoy sends `Authorization` always, and other header fields of the client only if `allowed_headers` lists them.
//!    So the gateway cannot see every field that it must remove. Without a list, it sees neither `Accept` nor
//!    `Sec-Fetch-*`. It redirects a GET or HEAD of that kind to the sign-in, because it may be a navigation. An invisible
//!    WebSocket handshake is redirected too, and fails.
//! 3. A 200 lets the request pass. Envoy sets the fields of the reply that `allowed_upstream_headers` lists, and then
//!    removes the fields that `x-envoy-auth-headers-to-remove` names. So a field that is set is never named.
//! 4. A list that allows all fields also copies `Content-Length: 0` of the reply onto the client's request. The body of
//!    that request would then be a second request that no check sees. It also copies `Set-Cookie` of the reply to the
//!    application. So both are named. A setting keeps `Content-Length` (`check.dangerously_keep_content_length`).
//! 5. For the same reason, a 200 has no field that is not for the application.
//! 6. Envoy accepts 60 KiB of header fields in a reply.
//! 7. Any reply except 200 and 5xx reaches the client as it is. For a 5xx, the client gets an empty response with the
//!    status of `status_on_error`, by default 403.

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::definition::{
    Appends, Asks, CheckRequest, Dialect, HttpDialect, Profile, ReadError, Received, Removals, Sender,
};
use crate::access::target::Target;
use crate::edge::host::host;
use crate::edge::reply::Reply;
use crate::flow::caller::Caller;

/// The limit of Envoy, without the status line and the fields that the server adds.
const MAX_HEAD_BYTES: usize = 60 * 1024 - 256;
const HEADERS_TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

const HEADER_REMEDY: &str = "list in allowed_headers, as deploy/envoy/envoy.yaml does, or in allowedHeaders, as \
                             deploy/cilium/route-http.yaml does: accept, connection, cookie, origin, \
                             referer, sec-fetch- (as prefix), sec-purpose, sec-websocket-key, upgrade, user-agent, \
                             x-forwarded-for, x-requested-with";

/// The dialect of Envoy over HTTP.
pub static ENVOY_HTTP: HttpDialect = HttpDialect {
    dialect: Dialect {
        caller: Caller {
            label: "envoy",
            patience: Duration::from_secs(5),
            cookie_remedy: "list set-cookie in allowed_client_headers_on_success, or let Envoy ask over gRPC",
        },
        profile: Profile {
            sender: Sender::Proxy { own_user_agent: None, header_remedy: HEADER_REMEDY },
            delivers_cookies: true,
            removals: Removals::ReplyThatIsCopied,
            asks: Asks::Always,
            appends: Appends::Target,
            forwards_listed_fields: true,
            max_head_bytes: Some(MAX_HEAD_BYTES),
        },
        read,
    },
    render,
};

fn read(received: Received<'_>) -> Result<CheckRequest<'_>, ReadError> {
    let Received { head, appended, .. } = received;
    // Without a path, the target is the root.
    let target = if appended.starts_with('/') { appended } else { "/" };
    let target = Target::parse(target.as_bytes()).map_err(ReadError::RequestTarget)?;
    // No configured origin has an empty host.
    let host = host(&head.headers).unwrap_or_default();
    // Envoy appends the client's address, if `use_remote_address` is set and `allowed_headers` lists the field.
    let client = received.client_or_peer()?;
    Ok(CheckRequest { method: head.method.clone(), target, host, client })
}

fn render(mut reply: Reply) -> Response<Body> {
    if reply.status == StatusCode::OK {
        reply.headers.remove(header::CACHE_CONTROL);
        reply.headers.remove(header::VARY);
        for list in std::mem::take(&mut reply.remove_headers)
            .into_iter()
            .map(HeaderValue::from)
            .chain(reply.remove_aliases.take())
        {
            reply.headers.append(HEADERS_TO_REMOVE, list);
        }
    }
    reply.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(status: StatusCode) -> Response<Body> {
        let mut reply = Reply::new(status);
        reply.headers.insert("x-forwarded-user", HeaderValue::from_static("alice"));
        reply.remove_headers = vec![header::CONTENT_LENGTH, header::COOKIE];
        reply.remove_aliases = Some(HeaderValue::from_static("x_forwarded_user"));
        render(reply)
    }

    #[test]
    fn allow_names_fields_and_aliases_to_remove() {
        let response = rendered(StatusCode::OK);
        let removed: Vec<_> = response.headers().get_all(HEADERS_TO_REMOVE).iter().collect();
        assert_eq!(removed, ["content-length", "cookie", "x_forwarded_user"]);
    }

    #[test]
    fn remedy_lists_the_fields_that_the_documented_file_lists() {
        let file = include_str!("../../../deploy/envoy/envoy.yaml");
        let list = file.split_once("allowed_headers:").unwrap().1.split_once("status_on_error").unwrap().0;
        let names = list.split('{').skip(1).map(|entry| entry.split([' ', ',']).nth(1).unwrap());
        let names: Vec<&str> = names.collect();
        let remedy = HEADER_REMEDY.split_once(": ").unwrap().1.replace(" (as prefix)", "");
        assert_eq!(names, remedy.split(", ").collect::<Vec<_>>());
    }

    #[test]
    fn route_of_cilium_has_the_lists_of_the_file_of_envoy() {
        let file = include_str!("../../../deploy/envoy/envoy.yaml");
        let of_envoy = |list: &str| -> Vec<String> {
            let (_, entries) = file.split_once(&format!(" {list}:\n")).unwrap();
            let entries = entries.lines().skip(1).map_while(|line| line.trim().strip_prefix("- {"));
            entries.map(|entry| entry.split([' ', ',']).nth(1).unwrap().to_owned()).collect()
        };
        let route = include_str!("../../../deploy/cilium/route-http.yaml");
        let of_cilium = |list: &str| -> Vec<String> {
            let (_, entries) = route.split_once(&format!(" {list}:\n")).unwrap();
            let names = entries.lines().map_while(|line| line.trim().strip_prefix("- "));
            let mut names: Vec<_> = names.map(str::to_lowercase).collect();
            // A route cannot list a prefix.
            names.iter_mut().filter(|name| name.starts_with("sec-fetch-")).for_each(|name| {
                "sec-fetch-".clone_into(name);
            });
            names.dedup();
            names
        };
        assert_eq!(of_cilium("allowedHeaders"), of_envoy("allowed_headers"));
        assert_eq!(of_cilium("allowedResponseHeaders"), of_envoy("allowed_upstream_headers"));
    }

    #[test]
    fn allow_has_no_field_that_is_not_for_the_application() {
        let response = rendered(StatusCode::OK);
        for name in [header::CACHE_CONTROL, header::VARY, header::CONTENT_TYPE] {
            assert!(!response.headers().contains_key(&name), "{name}");
        }
        assert_eq!(response.headers()["x-forwarded-user"], "alice");
    }

    #[test]
    fn refusal_names_nothing_and_is_never_stored() {
        let response = rendered(StatusCode::UNAUTHORIZED);
        assert!(!response.headers().contains_key(HEADERS_TO_REMOVE));
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
