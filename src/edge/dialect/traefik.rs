//! Dialect of Traefik: ForwardAuth
//!
//! 1. Traefik sends a GET to a fixed address, with the client's header fields and five forwarded ones, which it
//!    rebuilds.
//! 2. With a 200, the request passes. Traefik removes the fields in `authResponseHeaders` from the client's request,
//!    then sets those of the reply. Any other reply reaches the browser unchanged.
//! 3. `Set-Cookie` of a 200 reaches the browser if `addAuthCookiesToResponse` lists the cookie's name.
//! 4. If `authRequestHeaders` is set, Traefik sends only the listed fields of the client. Without the client's
//!    `User-Agent`, it sends that of its HTTP library. The gateway then sees no aliases, so Traefik must reject them.

use std::time::Duration;

use axum::response::IntoResponse;

use super::definition::{Dialect, GO_USER_AGENT, HttpDialect, Profile, Sender};
use super::forwarded::read;
use crate::flow::caller::Caller;

/// The dialect of Traefik's ForwardAuth.
pub static TRAEFIK: HttpDialect = HttpDialect {
    dialect: Dialect {
        caller: Caller {
            label: "traefik",
            patience: Duration::from_secs(5),
            cookie_remedy: "list the session cookies in addAuthCookiesToResponse",
        },
        profile: Profile::forward_auth(Sender::Proxy {
            own_user_agent: Some(GO_USER_AGENT),
            header_remedy: "remove authRequestHeaders from the middleware; if you keep it, set aliasHeadersStrategy to reject, \
                        because the gateway does not see other spellings of its headers, and add to the list Accept, \
                        Cookie, Origin, Referer, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site, Sec-Purpose, \
                        Sec-WebSocket-Key, User-Agent, X-Requested-With",
        }),
        read,
    },
    render: IntoResponse::into_response,
};
