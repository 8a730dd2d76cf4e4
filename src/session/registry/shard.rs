//! Part of the registry's entries, and the removal of those that have expired

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::entry::{Entry, RemovedEntry};
use crate::flow::ports::{SessionId, UnixTime};

/// Seconds between two searches for entries that have expired.
const SWEEP_SECONDS: u64 = 30;

/// A part of the registry's entries.
pub(super) struct Shard<H> {
    pub(super) entries: HashMap<SessionId, Entry<H>, BuildHasherDefault<IdHasher>>,
    next_sweep: u64,
}

impl<H> Default for Shard<H> {
    fn default() -> Self {
        Self { entries: HashMap::default(), next_sweep: 0 }
    }
}

impl<H: Clone> Shard<H> {
    /// Removes expired entries at intervals. Returns their number.
    pub(super) fn sweep(&mut self, now: UnixTime, mut on_removed: impl FnMut(RemovedEntry)) -> usize {
        // If the next sweep is far ahead, the clock was set back since.
        if now.0 < self.next_sweep && self.next_sweep <= now.0 + SWEEP_SECONDS {
            return 0;
        }
        self.next_sweep = now.0 + SWEEP_SECONDS;
        let before = self.entries.len();
        self.entries.retain(|_, entry| {
            entry.drop_old_result(now);
            let is_current = entry.ends_at > now;
            if !is_current {
                on_removed(entry.removal());
            }
            is_current
        });
        before - self.entries.len()
    }
}

/// Uses the id as its hash: ids are random, and no client can choose one.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    }
}
