//! The gateway behind real proxies, with a real browser and real providers.
//!
//! Nothing here is replaced by a stand-in but the application: each proxy runs the files of `deploy/`, Chromium is the
//! browser, the gateway is the binary. The provider is Keycloak with the realm of `deploy/keycloak/` (`keycloak`),
//! oidc-provider (`npm`), or, if a test observes the provider, the one of development. What must hold behind every proxy
//! is in `situations`. `tests/run` installs the programs.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod denial;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod keycloak;
#[cfg(test)]
mod negative_controls;
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
mod refresh;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_out;
#[cfg(test)]
mod situations;
#[cfg(test)]
mod smuggling;
#[path = "../support/spoofs.rs"]
mod spoofs;
