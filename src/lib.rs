#![forbid(unsafe_code)]
//! Foregate: an identity-aware gateway.
//!
//! A request's way: proxy or browser → `edge` → `flow` → `access` → `flow` → `edge` → proxy or browser. A layer names
//! only what stands to its right in
//! `cli → server → config → { edge, proxy, provider, session, telemetry } → flow → access`; those in braces never name
//! each other. `certificate`, `files`, `secret` and `trust` may be named by all.

pub mod access;
pub mod certificate;
pub mod cli;
pub mod config;
pub mod edge;
pub mod files;
pub mod flow;
pub mod provider;
pub mod proxy;
pub mod secret;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod trust;
