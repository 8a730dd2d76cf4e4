//! By which name do a person and the operator speak of the same request?

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives out names that are unique across restarts: a random part for the process, a count for the request.
pub struct RequestIds {
    process: u32,
    next: AtomicU64,
}

/// The name of one request, as pages and log lines show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u32, u64);

impl RequestIds {
    /// Names for a process that drew `process` at random.
    pub fn new(process: u32) -> Self {
        Self { process, next: AtomicU64::new(1) }
    }

    /// The next name.
    pub fn next(&self) -> RequestId {
        RequestId(self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}-{:x}", self.0, self.1)
    }
}
