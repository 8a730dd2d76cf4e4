//! Our own reverse proxy.
//!
//! The request is its own source: the host is from `Host` alone, the target from the request line, the client from the
//! connection.

use std::time::Duration;

use axum::response::IntoResponse;
use http::request::Parts;

use super::definition::{CheckRequest, Dialect, Profile, ReadError, Sender};
use crate::access::client::TrustedProxies;
use crate::access::target::Target;
use crate::edge::host::host;
use crate::edge::peer::Peer;
use crate::flow::caller::{Caller, REMOVED_ON_THE_WAY};

/// Our own reverse proxy. What it does with a request that passes, `proxy` does.
pub static OWN_PROXY: Dialect = Dialect {
    caller: Caller { label: "proxy", patience: Duration::from_secs(5), cookie_remedy: REMOVED_ON_THE_WAY },
    profile: Profile {
        sender: Sender::Client,
        delivers_cookies: true,
        names_removals: true,
        max_head_bytes: None,
    },
    read,
    render: IntoResponse::into_response,
};

fn read<'r>(request: &'r Parts, peer: Peer, _: &TrustedProxies) -> Result<CheckRequest<'r>, ReadError> {
    let target = request.uri.path_and_query().map_or("", |target| target.as_str());
    let target = Target::parse(target.as_bytes()).map_err(ReadError::RequestTarget)?;
    // No configured origin has an empty host.
    let host = host(&request.headers).unwrap_or_default();
    Ok(CheckRequest { method: request.method.clone(), target, host, client: peer.ip() })
}
