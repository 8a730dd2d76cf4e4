//! How many sessions has each person?

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::sync::{Mutex, PoisonError};

/// A person, as a number that says nothing about them; two may share one, which only makes their bound tighter.
pub(super) type Person = u64;

/// Of ended sessions, which are remembered too, a person has room for so many times as many.
const ENDED_TOO: usize = 10;

#[derive(Clone, Copy, Default)]
struct Count {
    living: usize,
    all: usize,
}

/// Counts sessions; as many entries as sessions at most.
#[derive(Default)]
pub(super) struct Persons {
    hasher: RandomState,
    counts: Mutex<HashMap<Person, Count>>,
}

impl Persons {
    /// One more, if the person has fewer than `most`, and not ten times as many with those that ended: whoever signs
    /// out can sign in again, and nobody fills the table alone.
    pub(super) fn add(&self, subject: &str, most: usize) -> Option<Person> {
        let person = self.hasher.hash_one(subject);
        self.with(|counts| {
            let has = counts.get(&person).copied().unwrap_or_default();
            let has_room = has.living < most && has.all < most.saturating_mul(ENDED_TOO);
            has_room.then(|| {
                counts.insert(person, Count { living: has.living + 1, all: has.all + 1 });
                person
            })
        })
    }

    /// One ended, and is remembered.
    pub(super) fn end(&self, person: Person) {
        self.with(|counts| {
            if let Some(count) = counts.get_mut(&person) {
                count.living = count.living.saturating_sub(1);
            }
        });
    }

    /// One that ended is no longer remembered.
    pub(super) fn forget(&self, person: Person) {
        self.with(|counts| {
            if let Some(count) = counts.get_mut(&person) {
                count.all = count.all.saturating_sub(1);
                if count.all == 0 {
                    counts.remove(&person);
                }
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Person, Count>) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
