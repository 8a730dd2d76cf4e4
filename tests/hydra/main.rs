//! Sign-in with real Ory Hydra, which takes minutes to build
//!
//! 1. The scenarios are those of `tests/real/providers`, and back-channel logout.
//! 2. Hydra has no pages of its own, so `pages` has those of the sign-in and the consent.
//!
//! `tests/providers` builds Hydra and runs the tests.

#[cfg(test)]
#[expect(dead_code, unused_imports, reason = "tests/real uses the rest")]
#[path = "../real/harness/mod.rs"]
mod harness;
#[cfg(test)]
mod hydra;
#[cfg(test)]
mod pages;
#[cfg(test)]
#[path = "../support/ports.rs"]
mod ports;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
#[expect(dead_code, reason = "tests/real uses the rest")]
#[path = "../real/providers/site.rs"]
mod site;
