//! Log and metrics for the operator

mod hints;
mod line;
pub mod log;
pub mod log_rate_limit;
mod log_writer;
pub mod metrics;
pub mod recorder;
pub mod refreshes;
mod session_count;
#[cfg(test)]
pub(crate) mod testing;
