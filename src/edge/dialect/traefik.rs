//! Dialect of Traefik: ForwardAuth
//!
//! 1. Traefik sends a GET to a fixed address, with the client's header fields and five forwarded ones, which it
//!    rebuilds.
//! 2. With a 200, the request passes. Traefik removes the fields in `authResponseHeaders` from the client's request,
//!    then sets those of the reply. Any other reply reaches the browser unchanged.
//! 3. `Set-Cookie` of a 200 reaches the browser if `addAuthCookiesToResponse` lists the cookie's name.

use std::time::Duration;

use axum::response::IntoResponse;

use super::definition::{Dialect, Profile};
use super::forwarded::read;
use crate::flow::caller::Caller;

/// The dialect of Traefik's ForwardAuth.
pub static TRAEFIK: Dialect = Dialect {
    caller: Caller {
        label: "traefik",
        patience: Duration::from_secs(5),
        cookie_remedy: "list the session cookies in addAuthCookiesToResponse",
    },
    profile: Profile::FORWARD_AUTH,
    read,
    render: IntoResponse::into_response,
};
