//! How does a request that may pass reach the application, where we are the proxy ourselves?
//!
//! [`upstream::Upstream::forward`] takes the [`Grant`](crate::access::decision::Grant) by value, so nothing gets
//! through that was not decided. On the way
//!
//! 1. what concerns one connection alone is removed before ours is set (RFC 9110 §7.6.1);
//! 2. what we own, and what says where a request came from, is removed in every spelling, then set;
//! 3. the target and `Host` stay byte for byte, because applications check them;
//! 4. bodies and trailers stream, and nothing waits for their end;
//! 5. the only protocol one may switch to is WebSocket: requests inside any other (`h2c`) would never be decided on.
//!
//! Deployment caveat: the server in front must serve connections with upgrades, and sets the limits on a client's own
//! slowness and on the size of a request.

mod body;
pub mod error;
mod forward;
mod forwarded;
mod hop_by_hop;
mod upgrade;
pub mod upstream;

#[cfg(test)]
mod tests;
