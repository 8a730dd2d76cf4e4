//! Number of sessions per user

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::sync::{Mutex, PoisonError};

/// A hash of a user's `sub`, which reveals nothing about the user. Two users with the same hash share one limit.
pub(super) type UserKey = u64;

/// Sessions that have ended are recorded too. With these, a user has room for this many times the limit.
const RECORDED_PER_ACTIVE: usize = 10;

#[derive(Clone, Copy, Default)]
struct Count {
    active: usize,
    recorded: usize,
}

/// Counts the sessions of each user. It has at most as many entries as there are sessions.
#[derive(Default)]
pub(super) struct Users {
    hasher: RandomState,
    counts: Mutex<HashMap<UserKey, Count>>,
}

impl Users {
    /// Counts one more session, unless the user has `max` sessions, or ten times `max` with those that ended.
    ///
    /// So a user who signs out can sign in again, and no single user fills the registry.
    pub(super) fn add(&self, subject: &str, max: usize) -> Option<UserKey> {
        let user = self.hasher.hash_one(subject);
        self.with_counts(|counts| {
            let count = counts.get(&user).copied().unwrap_or_default();
            let has_room = count.active < max && count.recorded < max.saturating_mul(RECORDED_PER_ACTIVE);
            has_room.then(|| {
                counts.insert(user, Count { active: count.active + 1, recorded: count.recorded + 1 });
                user
            })
        })
    }

    /// Counts a session as ended. It is still recorded.
    pub(super) fn end(&self, user: UserKey) {
        self.with_counts(|counts| {
            if let Some(count) = counts.get_mut(&user) {
                count.active = count.active.saturating_sub(1);
            }
        });
    }

    /// Removes a session from the counts, because it is no longer recorded.
    pub(super) fn forget(&self, user: UserKey) {
        self.with_counts(|counts| {
            if let Some(count) = counts.get_mut(&user) {
                count.recorded = count.recorded.saturating_sub(1);
                if count.recorded == 0 {
                    counts.remove(&user);
                }
            }
        });
    }

    fn with_counts<T>(&self, act: impl FnOnce(&mut HashMap<UserKey, Count>) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
