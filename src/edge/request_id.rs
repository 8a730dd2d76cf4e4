//! Request ids, which pages and log lines share

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Generates ids that are unique across restarts: a random number of the process and a counter.
pub struct RequestIds {
    process: u32,
    next: AtomicU64,
}

/// The id of a request, as pages and log lines show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u32, u64);

impl RequestIds {
    /// Returns a generator for a process with the random number `process`.
    pub fn new(process: u32) -> Self {
        Self { process, next: AtomicU64::new(1) }
    }

    /// Returns the next id.
    pub fn next(&self) -> RequestId {
        RequestId(self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}-{:x}", self.0, self.1)
    }
}
