//! Does a person with a real browser, behind a real Traefik, get what the design promises?
//!
//! Nothing here is replaced by a stand-in but the application: Traefik runs the files of `deploy/traefik/`, Chromium
//! is the browser, the gateway is the binary. The provider is Keycloak with the realm of `deploy/keycloak/` (`keycloak`),
//! oidc-provider (`npm`), or, where a test asks what the provider was asked, the one of development. `tests/run`
//! installs the programs.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod demo;
#[cfg(test)]
mod denial;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod keycloak;
#[cfg(test)]
mod npm;
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
mod smuggling;
#[path = "../support/spoofs.rs"]
mod spoofs;
