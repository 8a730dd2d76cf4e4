//! Integration tests of the gateway with a provider, through sockets
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops at the first failure"
)]

mod admin;
mod attacks;
mod authentication;
mod backchannel;
mod bounds;
mod check;
mod check_online;
mod claims;
mod commands;
mod conformance;
mod cookies;
mod corpus;
mod deploy_files;
#[expect(dead_code, reason = "the tests with real proxies use the rest")]
#[path = "../support/headlamp.rs"]
mod double;
mod drain;
mod entra;
mod envoy;
mod envoy_grpc;
mod faulty;
mod file_store;
mod harness;
mod header_spoofs;
mod headlamp;
mod identity_mixups;
mod keys;
mod log_failures;
mod logs;
mod nginx;
mod ops;
mod outgoing_proxy;
mod own_sessions;
#[path = "../support/pki.rs"]
mod pki;
mod portal;
#[path = "../support/ports.rs"]
mod ports;
mod private_ca;
mod provider_ends;
mod provider_errors;
mod provider_templates;
mod redirect_loop;
mod refresh;
mod return_urls;
mod secrets;
mod session_size;
mod sessions;
mod shared;
mod sign_in;
mod sign_out;
mod sparse_proxies;
#[path = "../support/spoofs.rs"]
mod spoofs;
mod tls;
mod unverified;
mod upstream;
