//! Which keys are there, which one signs, and which does the world see?

use std::collections::VecDeque;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use tokio::task::spawn_blocking;

use crate::algorithm::SigningAlgorithm;
use crate::key::SigningKey;

/// More than a test rotates; beyond it the oldest key is forgotten and its access tokens die.
const CAPACITY: usize = 32;

/// The keys, oldest first; the last one signs. A withdrawn key still reads the access tokens it made.
pub(crate) struct KeyRing {
    entries: VecDeque<Entry>,
}

struct Entry {
    key: Arc<SigningKey>,
    published: bool,
}

impl KeyRing {
    pub(crate) fn new(key: Arc<SigningKey>) -> Self {
        Self { entries: VecDeque::from([Entry { key, published: true }]) }
    }

    /// The key that signs; nothing only if the ring were empty, which it never is.
    pub(crate) fn signing(&self) -> Option<Arc<SigningKey>> {
        self.entries.back().map(|entry| Arc::clone(&entry.key))
    }

    pub(crate) fn all(&self) -> Vec<Arc<SigningKey>> {
        self.entries.iter().map(|entry| Arc::clone(&entry.key)).collect()
    }

    pub(crate) fn published(&self) -> Vec<Arc<SigningKey>> {
        self.entries.iter().filter(|entry| entry.published).map(|entry| Arc::clone(&entry.key)).collect()
    }

    /// The new key signs from here on.
    pub(crate) fn add(&mut self, key: Arc<SigningKey>) {
        if self.entries.len() >= CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { key, published: true });
    }

    /// The published key of this algorithm signs from here on; false when there is none.
    pub(crate) fn choose(&mut self, algorithm: SigningAlgorithm) -> bool {
        let fits = |entry: &Entry| entry.published && entry.key.algorithm() == algorithm;
        let chosen = self.entries.iter().rposition(fits).and_then(|index| self.entries.remove(index));
        let found = chosen.is_some();
        self.entries.extend(chosen);
        found
    }

    /// Only the key that signs stays published.
    pub(crate) fn withdraw_old(&mut self) {
        let signing = self.entries.len().saturating_sub(1);
        for entry in self.entries.iter_mut().take(signing) {
            entry.published = false;
        }
    }
}

/// A new key, made on a thread that does not serve.
pub(crate) async fn generate(algorithm: SigningAlgorithm) -> Result<Arc<SigningKey>, Unspecified> {
    spawn_blocking(move || SigningKey::generate(algorithm)).await.map_err(|_| Unspecified)?.map(Arc::new)
}
