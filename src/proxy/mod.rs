//! Reverse proxy that forwards allowed requests to the application
//!
//! [`upstream::Upstream::forward`] takes the [`Grant`](crate::access::decision::Grant) by value, so that only a request
//! with an access decision is forwarded. For each request:
//!
//! 1. Hop-by-hop fields of the client are removed before those of the gateway are set (RFC 9110 §7.6.1).
//! 2. Identity headers and forwarded fields are stripped in every spelling and then set.
//! 3. The target is forwarded byte for byte, because applications check it. `Host` is set to the configured origin.
//! 4. Bodies and trailers stream. Nothing waits for their end.
//! 5. WebSocket is the only protocol that a connection may switch to. Requests inside another protocol (`h2c`) would
//!    bypass the access decision.
//! 6. A WebSocket or a stream is closed when its session has ended.
//!
//! Deployment caveat: the server that calls this module must serve connections with upgrades. It also limits how slow
//! a client may be and how large a request may be.

mod body;
pub mod error;
mod forward;
mod forwarded;
mod frames;
mod hop_by_hop;
mod upgrade;
pub mod upstream;

#[cfg(test)]
mod tests;
