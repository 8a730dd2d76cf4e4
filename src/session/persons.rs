//! How many sessions has each person?

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::sync::{Mutex, PoisonError};

/// A person, as a number that says nothing about them; two may share one, which only makes their bound tighter.
pub(super) type Person = u64;

/// Counts sessions; as many entries as sessions at most.
#[derive(Default)]
pub(super) struct Persons {
    hasher: RandomState,
    counts: Mutex<HashMap<Person, usize>>,
}

impl Persons {
    /// One more, if the person has fewer than `most`.
    pub(super) fn add(&self, subject: &str, most: usize) -> Option<Person> {
        let person = self.hasher.hash_one(subject);
        self.with(|counts| {
            let has = counts.get(&person).copied().unwrap_or_default();
            (has < most).then(|| {
                counts.insert(person, has + 1);
                person
            })
        })
    }

    /// One less.
    pub(super) fn remove(&self, person: Person) {
        self.with(|counts| {
            if let Some(count) = counts.get_mut(&person) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.remove(&person);
                }
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Person, usize>) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
