//! HTTP interface to proxies and browsers
//!
//! This layer makes no decisions.

mod accept;
pub mod cache_safety;
pub mod check_routes;
pub mod checker;
pub mod dialect;
pub mod error_page;
pub mod grpc_routes;
mod head_budget;
pub mod head_size;
mod host;
pub mod log_out;
pub mod peer;
pub mod portal;
pub mod reply;
pub mod request_id;
pub mod sparse_proxies;
pub mod verdict;
