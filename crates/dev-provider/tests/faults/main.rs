//! Each fault in the response to a real request, and the healthy response after it
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
