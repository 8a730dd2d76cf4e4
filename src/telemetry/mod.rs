//! What happened: the operator's log and metrics.

mod line;
pub mod log;
mod log_writer;
pub mod metrics;
pub mod pace;
pub mod recorder;
pub mod refreshes;
#[cfg(test)]
pub(crate) mod testing;
