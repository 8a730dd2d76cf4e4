//! Leases of this process whose acquisition was not answered
//!
//! The store may have recorded such a lease, but its refresh token was not sent. So the lease can be acquired again. A
//! lease that is not known here may be one whose token was sent, for example after a failover that lost its commit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::flow::ports::UnixTime;

/// The number of leases. Further ones count as leases whose token may be spent, when they expire.
const MAX_LEASES: usize = 10_000;

/// The fences of the leases, and when each expires.
#[derive(Default)]
pub(super) struct UnsentLeases {
    next: AtomicU64,
    fences: Mutex<HashMap<u64, UnixTime>>,
}

impl UnsentLeases {
    /// Returns a fence that no other lease of this process has.
    pub(super) fn next_fence(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Remembers a lease that its caller did not get.
    pub(super) fn add(&self, fence: u64, until: UnixTime, now: UnixTime) {
        let mut fences = self.fences();
        if fences.len() >= MAX_LEASES {
            fences.retain(|_, until| *until > now);
        }
        if fences.len() < MAX_LEASES {
            fences.insert(fence, until);
        }
    }

    pub(super) fn contains(&self, fence: u64) -> bool {
        self.fences().contains_key(&fence)
    }

    fn fences(&self) -> MutexGuard<'_, HashMap<u64, UnixTime>> {
        self.fences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
