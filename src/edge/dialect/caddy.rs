//! Caddy's `reverse_proxy` with `handle_response`, of which `forward_auth` is the short form.
//!
//! 1. Caddy sends a GET to a fixed path, with the client's header fields and five forwarded ones, which it replaces. It
//!    may append the client's query to the path: nothing but the forwarded fields is read.
//! 2. `X-Forwarded-Uri` is the target as the client sent it, not normalised: `/a/../b` and `//a` arrive unchanged.
//! 3. A 200 lets the request pass. Caddy removes the fields that its file names, then sets those of our reply that are
//!    not empty. Versions before 2.11.2 kept the client's field if ours was absent or empty (CVE-2026-30851), in
//!    `forward_auth` alone.
//! 4. Any other reply reaches the browser unchanged. `Set-Cookie` of a 200 reaches it too, on a WebSocket as well, if the
//!    file copies it; `forward_auth` never does.

use std::time::Duration;

use axum::response::IntoResponse;

use super::definition::{Dialect, Profile, Sender};
use super::forwarded::read;
use crate::flow::caller::Caller;

/// Caddy, with the file in `deploy/caddy`.
pub static CADDY: Dialect = Dialect {
    caller: Caller {
        label: "caddy",
        patience: Duration::from_secs(5),
        cookie_remedy: "use reverse_proxy with copy_response_headers, as deploy/caddy/Caddyfile does, in place of \
                        forward_auth",
    },
    profile: Profile {
        sender: Sender::Proxy,
        delivers_cookies: true,
        names_removals: false,
        max_head_bytes: None,
    },
    read,
    render: IntoResponse::into_response,
};
