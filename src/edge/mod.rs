//! HTTP interface to proxies and browsers
//!
//! This layer makes no decisions.

pub mod cache_safety;
pub mod check_routes;
pub mod checker;
pub mod dialect;
pub mod error_page;
mod head_budget;
mod host;
pub mod peer;
pub mod portal;
pub mod reply;
pub mod request_id;
pub mod sparse_proxies;
pub mod verdict;
