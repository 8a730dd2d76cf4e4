//! What happened: the operator's log and metrics.

mod line;
pub mod log;
pub mod metrics;
pub mod pace;
pub mod recorder;
pub mod refreshes;
