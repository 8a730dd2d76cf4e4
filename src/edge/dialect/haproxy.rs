//! Dialect of HAProxy: the Lua action in `deploy/haproxy`
//!
//! Measured with HAProxy 2.6.12.
//!
//! 1. HAProxy itself has no forward authentication. The action sends a GET to a fixed path, with the client's header
//!    fields and five forwarded ones, which it replaces. Several lines of a field stay several lines.
//! 2. `X-Forwarded-Uri` is the target as the client sent it, not normalised: `/a/../b` and `//a` arrive unchanged. An
//!    absolute target loses its scheme and authority, also at the application. `CONNECT` and `OPTIONS *` have no path, so their check does not
//!    have the field and is refused.
//! 3. HAProxy announces WebSockets over HTTP/2. Their handshake has no `Sec-WebSocket-Key`, so the check keeps `Upgrade`.
//! 4. With a 200, the request passes. The action removes the fields of its list, then sets those of the reply. Any
//!    other reply reaches the browser unchanged, except 502 and 504.
//! 5. `Set-Cookie` of a 200 reaches the browser, line by line, also on a WebSocket.
//! 6. An error in Lua does not stop a request: HAProxy continues with the next rule. So the next rule refuses every
//!    request that the action did not mark as allowed.
//! 7. HAProxy omits a field for which its buffer has no room, and reports no error. The file reserves 32 KiB, and the
//!    action compares the result with the reply. A reply with a head of 32 KiB or more is an error.

use std::time::Duration;

use axum::response::IntoResponse;

use super::definition::{Dialect, HttpDialect, Profile, Sender};
use super::forwarded::read;
use crate::flow::caller::Caller;

/// The part of the 32 KiB of `tune.maxrewrite` in `deploy/haproxy` for the fields of a reply. The rest is for the status
/// line, for fields that the server adds, and for eight bytes with which HAProxy stores each field.
const MAX_HEAD_BYTES: usize = 31 * 1024;

/// The dialect of HAProxy, with the files in `deploy/haproxy`.
pub static HAPROXY: HttpDialect = HttpDialect {
    dialect: Dialect {
        caller: Caller {
            label: "haproxy",
            patience: Duration::from_secs(5),
            cookie_remedy: "add the line http-response lua.foregate_cookies, as in deploy/haproxy/haproxy.cfg",
        },
        profile: Profile {
            max_head_bytes: Some(MAX_HEAD_BYTES),
            ..Profile::forward_auth(Sender::Proxy {
                own_user_agent: Some("HAProxy"),
                header_remedy: "send all header lines of the client, as deploy/haproxy/foregate.lua does",
            })
        },
        read,
    },
    render: IntoResponse::into_response,
};
