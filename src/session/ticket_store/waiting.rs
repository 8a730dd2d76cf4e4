//! Logouts of the provider that wait for the store

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::session::records::{EndedBy, Row};

/// The number of logouts. Further ones are lost if the store fails.
const MAX_WAITING: usize = 1000;

/// The logouts. They also end the rows that are read meanwhile, because a store may fail only to write.
#[derive(Default)]
pub(super) struct WaitingLogouts {
    logouts: RwLock<Vec<Arc<EndedBy>>>,
    /// Their number, so that a read needs no lock while there is none.
    number: AtomicUsize,
}

impl WaitingLogouts {
    /// Adds a logout. Returns `None` if there are too many.
    pub(super) fn add(&self, ended: EndedBy) -> Option<Arc<EndedBy>> {
        let mut logouts = self.logouts.write().unwrap_or_else(PoisonError::into_inner);
        if logouts.len() >= MAX_WAITING {
            return None;
        }
        let ended = Arc::new(ended);
        logouts.push(Arc::clone(&ended));
        self.number.store(logouts.len(), Ordering::Release);
        Some(ended)
    }

    /// Removes a logout that was recorded, or that waited too long.
    pub(super) fn remove(&self, ended: &Arc<EndedBy>) {
        let mut logouts = self.logouts.write().unwrap_or_else(PoisonError::into_inner);
        logouts.retain(|waiting| !Arc::ptr_eq(waiting, ended));
        self.number.store(logouts.len(), Ordering::Release);
    }

    /// Returns whether one of them ends a row.
    pub(super) fn end(&self, row: &Row) -> bool {
        self.number.load(Ordering::Acquire) > 0 && {
            let logouts = self.logouts.read().unwrap_or_else(PoisonError::into_inner);
            logouts.iter().any(|ended| ended.ends_row(row))
        }
    }
}
