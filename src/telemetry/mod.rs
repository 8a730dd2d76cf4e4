//! What happened: the operator's log and metrics.

pub mod log;
pub mod metrics;
pub mod recorder;
pub mod refreshes;
