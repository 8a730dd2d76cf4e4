//! Dialect of our own reverse proxy
//!
//! The request describes itself: the host is in `Host` only, the target in the request line, and the client is the
//! peer of the connection.

use std::time::Duration;

use super::definition::{CheckRequest, Dialect, Profile, ReadError, Received, Sender};
use crate::access::target::Target;
use crate::edge::host::host;
use crate::flow::caller::{Caller, REMOVED_ON_THE_WAY};

/// The dialect of our own reverse proxy. `proxy` forwards a request that passes.
pub static OWN_PROXY: Dialect = Dialect {
    caller: Caller { label: "proxy", patience: Duration::from_secs(5), cookie_remedy: REMOVED_ON_THE_WAY },
    profile: Profile::forward_auth(Sender::Client),
    read,
};

fn read(Received { head, peer, .. }: Received<'_>) -> Result<CheckRequest<'_>, ReadError> {
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let target = Target::parse(target.as_bytes()).map_err(ReadError::RequestTarget)?;
    // No configured origin has an empty host.
    let host = host(&head.headers).unwrap_or_default();
    Ok(CheckRequest { method: head.method.clone(), target, host, client: peer.ip() })
}
