//! The gateway behind real proxies, with a real browser and real providers
//!
//! 1. Only the application is a substitute. Each proxy runs the files of `deploy/`, the browser is Chromium, and the
//!    gateway is the binary.
//! 2. The provider is Keycloak with the realm of `deploy/keycloak/` (`keycloak`), oidc-provider (`oidc_provider`), or one
//!    of `providers`. Tests that observe the provider use the development provider.
//! 3. The tests that run behind every proxy are listed in `situations`.
//!
//! `tests/run` installs the programs.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod denial;
#[cfg(test)]
#[expect(dead_code, reason = "the integration tests use the rest")]
#[path = "../support/headlamp.rs"]
mod double;
#[cfg(test)]
mod envoy;
#[cfg(test)]
mod folding;
#[cfg(test)]
mod haproxy;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod headlamp;
#[cfg(test)]
mod headlamp_polls;
#[cfg(test)]
mod headlamp_standalone;
#[cfg(test)]
mod keycloak;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod negative_controls;
#[cfg(test)]
mod nginx;
#[cfg(test)]
mod oidc_provider;
#[cfg(test)]
mod outage;
#[cfg(test)]
#[path = "../support/ports.rs"]
mod ports;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_out;
#[cfg(test)]
mod situations;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod sparse_proxies;
#[path = "../support/spoofs.rs"]
mod spoofs;
