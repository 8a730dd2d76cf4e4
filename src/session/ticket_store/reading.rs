//! Which rows are being read

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::records::RecordId;

/// The rows that are being read while an older one serves.
#[derive(Default)]
pub(super) struct Reading(Mutex<HashSet<RecordId>>);

impl Reading {
    /// Returns a guard for the time of the read, unless another request reads the row.
    pub(super) fn begin(self: &Arc<Self>, id: RecordId) -> Option<ReadingGuard> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        begun.then(|| ReadingGuard(Arc::clone(self), id))
    }
}

/// Ends the read when it is dropped.
pub(super) struct ReadingGuard(Arc<Reading>, RecordId);

impl Drop for ReadingGuard {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
