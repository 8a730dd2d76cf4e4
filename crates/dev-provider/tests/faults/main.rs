//! Is each fault really on the wire, and is the next answer healthy again?
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arming;
mod authorization;
mod claims;
mod discovery;
#[path = "../flows/harness.rs"]
#[expect(dead_code, reason = "shared with the tests of the healthy flows")]
mod harness;
mod headers;
#[path = "../flows/http.rs"]
mod http;
mod jwks;
mod logout;
mod readme;
mod refresh;
mod signatures;
mod token;
mod transport;
mod userinfo;
