//! Flows without faults, over real sockets
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assertion;
mod authorization;
mod client_auth;
mod codes;
mod discovery;
mod entra;
mod harness;
mod http;
mod keys;
mod logout;
mod presets;
mod refresh;
mod shape;
mod start;
mod time;
