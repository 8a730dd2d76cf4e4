//! Dialect of Caddy: `reverse_proxy` with `handle_response`, or its short form `forward_auth`
//!
//! 1. Caddy sends a GET to a fixed path, with the client's header fields and five forwarded ones, which it replaces.
//!    It may append the client's query to the path, so only the forwarded fields are read.
//! 2. `X-Forwarded-Uri` is the target as the client sent it, not normalised: `/a/../b` and `//a` arrive unchanged.
//! 3. With a 200, the request passes. Caddy removes the fields that the Caddyfile names, then sets the fields of the
//!    reply that are not empty. Versions before 2.11.2 kept the client's field if the reply had none or an empty one
//!    (CVE-2026-30851), but only in `forward_auth`.
//! 4. Any other reply reaches the browser unchanged. `Set-Cookie` of a 200 reaches the browser, also on a WebSocket,
//!    if the Caddyfile copies it. `forward_auth` never copies it.
//! 5. If the Caddyfile removes the client's `User-Agent`, Caddy sends that of its HTTP library.

use std::time::Duration;

use axum::response::IntoResponse;

use super::definition::{Appends, Dialect, GO_USER_AGENT, HttpDialect, Profile, Sender};
use super::forwarded::read;
use crate::flow::caller::Caller;

/// The dialect of Caddy, with the file in `deploy/caddy`.
pub static CADDY: HttpDialect = HttpDialect {
    dialect: Dialect {
        caller: Caller {
            label: "caddy",
            patience: Duration::from_secs(5),
            cookie_remedy: "use reverse_proxy with copy_response_headers, as deploy/caddy/Caddyfile does, in place of \
                        forward_auth",
        },
        profile: Profile {
            appends: Appends::Query,
            ..Profile::forward_auth(Sender::Proxy {
                own_user_agent: Some(GO_USER_AGENT),
                header_remedy: "in the request to the gateway, remove only the headers that deploy/caddy/Caddyfile removes \
                        (header_up -NAME)",
            })
        },
        read,
    },
    render: IntoResponse::into_response,
};
