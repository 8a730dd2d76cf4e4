#![forbid(unsafe_code)]
//! Foregate: an identity-aware gateway
//!
//! The path of a request: proxy or browser → `edge` → `flow` → `access` → `flow` → `edge` → proxy or browser.
//!
//! The layers are `cli → server → config → { edge, proxy, provider, session, telemetry } → flow → access`.
//!
//! 1. A layer uses only layers to its right.
//! 2. The layers in braces do not use each other.
//! 3. Every layer may use `certificate`, `files`, `secret`, `time_limit` and `trust`.

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
pub mod time_limit;
pub mod trust;
