//! Dialect of Envoy's `ext_authz` over gRPC: `envoy.service.auth.v3.Authorization`
//!
//! 1. Envoy sends the client's request as attributes. The path and query are as the client sent them, after Envoy's own
//!    normalisation. The gateway decodes nothing in them.
//! 2. Envoy joins several lines of a field with a comma, unless `encode_raw_headers` is set.
//! 3. The policy is `policy` in `context_extensions`, which only Envoy's settings can fill.
//! 4. With an `OkHttpResponse`, the request passes. Envoy sets its fields, and then removes the fields that it names. So
//!    a field that is set is never named. An empty field is removed. `Set-Cookie` reaches the browser, also on a
//!    WebSocket.
//! 5. A `DeniedHttpResponse` reaches the client as it is, also with 503. Its status in the gRPC message must not be 0,
//!    because Envoy would let the request pass.
//! 6. By default, Envoy waits 200 ms for a reply. Then the client gets the status of `status_on_error`, by default 403.

mod messages;
mod request;
mod response;

use std::time::Duration;

pub use self::request::{AttributeError, Call};
pub use self::response::encode;
use super::definition::{
    Appends, Asks, CheckRequest, Dialect, Profile, ReadError, Received, Removals, Sender,
};
use crate::access::target::Target;
use crate::edge::host::host;
use crate::flow::caller::{Caller, REMOVED_ON_THE_WAY};

/// Envoy accepts 60 KiB of header fields in a request that it forwards.
const MAX_HEAD_BYTES: usize = 60 * 1024;

/// The dialect of Envoy over gRPC.
pub static ENVOY_GRPC: Dialect = Dialect {
    caller: Caller {
        label: "envoy-grpc",
        // Envoy waits 200 ms, and gateways such as Cilium cannot change that.
        patience: Duration::from_millis(150),
        cookie_remedy: REMOVED_ON_THE_WAY,
    },
    profile: Profile {
        sender: Sender::Proxy {
            own_user_agent: None,
            header_remedy: "remove allowed_headers, so that Envoy sends all headers of the client",
        },
        delivers_cookies: true,
        removals: Removals::Reply,
        asks: Asks::Always,
        appends: Appends::Target,
        forwards_listed_fields: true,
        max_head_bytes: Some(MAX_HEAD_BYTES),
    },
    read,
};

fn read(received: Received<'_>) -> Result<CheckRequest<'_>, ReadError> {
    let Received { head, appended, .. } = received;
    let target = Target::parse(appended.as_bytes()).map_err(ReadError::RequestTarget)?;
    // Envoy appends the client's address, if `use_remote_address` is set.
    let client = received.client_or_peer()?;
    // No configured origin has an empty host.
    let host = host(&head.headers).unwrap_or_default();
    Ok(CheckRequest { method: head.method.clone(), target, host, client })
}
