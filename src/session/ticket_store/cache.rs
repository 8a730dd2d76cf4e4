//! Rows that were read or written a moment ago
//!
//! A check needs no lookup while its row is young. If the store fails, an older row serves for some
//! time, so that an outage of the store signs nobody out.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::flow::ports::UnixTime;
use crate::session::records::{RecordId, Row};

/// The number of rows. Beyond it, old ones are removed, and then all.
const MAX_ROWS: usize = 20_000;

/// The rows by their ids, and when each was read.
pub(super) struct RowCache {
    rows: RwLock<HashMap<RecordId, (Arc<Row>, UnixTime)>>,
    fresh: Duration,
    stale_if_error: Duration,
}

impl RowCache {
    /// A cache whose rows serve without a lookup while they are younger than `fresh`, and while the store fails, younger
    /// than `stale_if_error`.
    pub(super) fn new(fresh: Duration, stale_if_error: Duration) -> Self {
        Self { rows: RwLock::default(), fresh, stale_if_error }
    }

    /// Returns a row that needs no lookup.
    pub(super) fn fresh(&self, id: RecordId, now: UnixTime) -> Option<Arc<Row>> {
        self.younger_than(id, self.fresh, now)
    }

    /// Returns a row that serves while the store fails.
    pub(super) fn stale(&self, id: RecordId, now: UnixTime) -> Option<Arc<Row>> {
        self.younger_than(id, self.stale_if_error, now)
    }

    fn younger_than(&self, id: RecordId, age: Duration, now: UnixTime) -> Option<Arc<Row>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let (row, read_at) = rows.get(&id)?;
        // A row from the future was read before the clock was set back.
        (now < read_at.plus(age) && *read_at <= now).then(|| Arc::clone(row))
    }

    /// Keeps a row.
    pub(super) fn keep(&self, row: Arc<Row>, now: UnixTime) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= MAX_ROWS {
            rows.retain(|_, (_, read_at)| now < read_at.plus(self.stale_if_error));
        }
        if rows.len() >= MAX_ROWS {
            rows.clear();
        }
        rows.insert(row.id, (row, now));
    }

    /// Forgets a row that was ended.
    pub(super) fn forget(&self, id: RecordId) {
        self.rows.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
