//! The number of sessions of each user

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::sync::{Mutex, PoisonError};

/// A user, as a number that says nothing about them; two may share one, which only makes their bound tighter.
pub(super) type UserKey = u64;

/// Of ended sessions, which are remembered too, a user has room for so many times as many.
const ENDED_TOO: usize = 10;

#[derive(Clone, Copy, Default)]
struct Count {
    living: usize,
    all: usize,
}

/// Counts sessions; as many entries as sessions at most.
#[derive(Default)]
pub(super) struct Users {
    hasher: RandomState,
    counts: Mutex<HashMap<UserKey, Count>>,
}

impl Users {
    /// One more, if the user has fewer than `most`, and not ten times as many with those that ended: whoever signs
    /// out can sign in again, and nobody fills the table alone.
    pub(super) fn add(&self, subject: &str, most: usize) -> Option<UserKey> {
        let user = self.hasher.hash_one(subject);
        self.with(|counts| {
            let has = counts.get(&user).copied().unwrap_or_default();
            let has_room = has.living < most && has.all < most.saturating_mul(ENDED_TOO);
            has_room.then(|| {
                counts.insert(user, Count { living: has.living + 1, all: has.all + 1 });
                user
            })
        })
    }

    /// A session ended, and is still recorded.
    pub(super) fn end(&self, user: UserKey) {
        self.with(|counts| {
            if let Some(count) = counts.get_mut(&user) {
                count.living = count.living.saturating_sub(1);
            }
        });
    }

    /// A session is no longer recorded.
    pub(super) fn forget(&self, user: UserKey) {
        self.with(|counts| {
            if let Some(count) = counts.get_mut(&user) {
                count.all = count.all.saturating_sub(1);
                if count.all == 0 {
                    counts.remove(&user);
                }
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<UserKey, Count>) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
