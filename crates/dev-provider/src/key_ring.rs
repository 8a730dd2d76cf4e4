//! Key ring: the signing key, the published keys and the withdrawn keys

use std::collections::VecDeque;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use tokio::task::spawn_blocking;

use crate::algorithm::SigningAlgorithm;
use crate::key::SigningKey;

/// Tests rotate fewer keys. A full ring drops its oldest key; access tokens of that key become invalid.
const MAX_KEYS: usize = 32;

/// The keys, oldest first. The last one signs. A withdrawn key still verifies the access tokens that it signed.
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

    /// Returns the key that signs. `None` would mean an empty ring, which does not occur.
    pub(crate) fn signing(&self) -> Option<Arc<SigningKey>> {
        self.entries.back().map(|entry| Arc::clone(&entry.key))
    }

    pub(crate) fn all(&self) -> Vec<Arc<SigningKey>> {
        self.entries.iter().map(|entry| Arc::clone(&entry.key)).collect()
    }

    pub(crate) fn published(&self) -> Vec<Arc<SigningKey>> {
        self.entries.iter().filter(|entry| entry.published).map(|entry| Arc::clone(&entry.key)).collect()
    }

    /// Adds a published key, which signs from now on.
    pub(crate) fn add(&mut self, key: Arc<SigningKey>) {
        if self.entries.len() >= MAX_KEYS {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { key, published: true });
    }

    /// Signs with the published key of this algorithm from now on. Returns false if there is none.
    pub(crate) fn switch_to(&mut self, algorithm: SigningAlgorithm) -> bool {
        let fits = |entry: &Entry| entry.published && entry.key.algorithm() == algorithm;
        let chosen = self.entries.iter().rposition(fits).and_then(|index| self.entries.remove(index));
        let found = chosen.is_some();
        self.entries.extend(chosen);
        found
    }

    /// Stops publishing every key except the one that signs.
    pub(crate) fn withdraw_old(&mut self) {
        let signing = self.entries.len().saturating_sub(1);
        for entry in self.entries.iter_mut().take(signing) {
            entry.published = false;
        }
    }
}

/// Generates a key on a thread that does not serve requests.
pub(crate) async fn generate(algorithm: SigningAlgorithm) -> Result<Arc<SigningKey>, Unspecified> {
    spawn_blocking(move || SigningKey::generate(algorithm)).await.map_err(|_| Unspecified)?.map(Arc::new)
}
