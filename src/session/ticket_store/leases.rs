//! The leases that this process uses
//!
//! A write may be recorded although its caller got no answer. So a row may name a lease of this process that
//! no task uses: its refresh token was not sent, and the lease can be acquired again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::flow::ports::UnixTime;

/// The number of leases from which on those that have expired are forgotten.
const SWEPT_FROM: usize = 1000;

/// The fences of the leases, and when each expires.
#[derive(Default)]
pub(super) struct UsedLeases {
    next: AtomicU64,
    fences: Mutex<HashMap<u64, UnixTime>>,
}

impl UsedLeases {
    /// Returns the fence of a new lease. It counts as used, because a request may see the row before its writer does.
    pub(super) fn begin(&self, until: UnixTime, now: UnixTime) -> u64 {
        let fence = self.next.fetch_add(1, Ordering::Relaxed);
        let mut fences = self.fences();
        if fences.len() >= SWEPT_FROM {
            fences.retain(|_, until| *until > now);
        }
        fences.insert(fence, until);
        fence
    }

    /// Forgets a lease that was returned, or that its caller did not get.
    pub(super) fn forget(&self, fence: u64) {
        self.fences().remove(&fence);
    }

    pub(super) fn contains(&self, fence: u64) -> bool {
        self.fences().contains_key(&fence)
    }

    fn fences(&self) -> MutexGuard<'_, HashMap<u64, UnixTime>> {
        self.fences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
