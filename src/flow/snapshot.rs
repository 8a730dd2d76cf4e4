//! The configuration that an operator may change while the process runs
//!
//! It is one immutable value behind one pointer. A flow loads it once per request, so that two sets of rules never
//! apply to the same request.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::access::claims::ClaimRules;
use crate::access::decision::Rules;
use crate::access::public_paths::PublicPaths;

/// The rules of one configuration.
pub struct Snapshot {
    /// The rules of a decision, with policies and public origins.
    pub rules: Rules,
    /// The claims that make up an identity.
    pub claims: ClaimRules,
    /// The background paths, which scripts request without the user: a request does not show that the user is active.
    pub background_paths: PublicPaths,
}

/// The pointer to the current snapshot. All clones share the pointer.
#[derive(Clone)]
pub struct CurrentSnapshot(Arc<ArcSwap<Snapshot>>);

impl CurrentSnapshot {
    /// Creates the pointer to the first snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(snapshot)))
    }

    /// Returns the current snapshot. It does not change while the caller holds it.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// Replaces the snapshot. Requests that load it afterwards use the new one.
    pub fn replace(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
