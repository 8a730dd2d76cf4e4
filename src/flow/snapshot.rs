//! What an operator may change while the process runs: one immutable value behind one pointer
//!
//! A flow loads it once for a request, so that one request is never judged by two sets of rules.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::access::claims::ClaimRules;
use crate::access::decision::Rules;
use crate::access::public_paths::PublicPaths;

/// The rules of one configuration.
pub struct Snapshot {
    /// The rules of a decision, with policies and public origins.
    pub rules: Rules,
    /// Which claims make an identity.
    pub claims: ClaimRules,
    /// What scripts request by themselves: it does not show that the user is active.
    pub background_paths: PublicPaths,
}

/// The pointer to the current snapshot. Its clones point to the same.
#[derive(Clone)]
pub struct CurrentSnapshot(Arc<ArcSwap<Snapshot>>);

impl CurrentSnapshot {
    /// Points to a first snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(snapshot)))
    }

    /// Returns the current snapshot. It stays as it is while the caller holds it.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// Replaces the snapshot, for requests that begin afterwards.
    pub fn replace(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
