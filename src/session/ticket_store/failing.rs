//! Log of a kind of call that fails

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::flow::ports::StoreUnavailable;

/// A kind of call to the store. It is logged once that it fails, and once that it succeeds again.
pub(super) struct Failing {
    fails: AtomicBool,
    failed: &'static str,
    succeeded: &'static str,
}

impl Failing {
    pub(super) const fn new(failed: &'static str, succeeded: &'static str) -> Self {
        Self { fails: AtomicBool::new(false), failed, succeeded }
    }

    /// Logs the result if it differs from the last one.
    pub(super) fn log<T>(&self, result: Result<T, impl Display>) -> Result<T, StoreUnavailable> {
        match (self.fails.swap(result.is_err(), Ordering::Relaxed), &result) {
            (false, Err(error)) => tracing::warn!(%error, "{}", self.failed),
            (true, Ok(_)) => tracing::info!("{}", self.succeeded),
            (true, Err(_)) | (false, Ok(_)) => {}
        }
        result.map_err(|_| StoreUnavailable)
    }
}
