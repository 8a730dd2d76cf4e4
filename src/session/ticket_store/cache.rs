//! Rows that were read or written a moment ago
//!
//! 1. A check needs no lookup while its row is young. If the store fails, an older row serves for some time, so that an
//!    outage of the store ends no session.
//! 2. A read that began before a session was ended may return after it. Its row is not kept, or the session would go on.
//!    For the same reason, no row replaces a young one of a later revision.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::flow::ports::UnixTime;
use crate::session::records::{Changed, EndedBy, RecordId, Row};

/// The number of rows. Beyond it, old ones are removed, and then all.
const MAX_ROWS: usize = 20_000;
/// The bytes of all sealed sessions and summaries, with the same effect. Some users have sessions of hundreds of kilobytes.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// The number of ids of sessions that were ended. Beyond it, all are forgotten.
const MAX_ENDED: usize = 20_000;
/// How long a call that began before a session was ended may take. Longer than any store lets a caller wait.
const CALL_TIME: Duration = Duration::from_secs(30);

/// The rows by their ids.
pub(super) struct RowCache {
    state: RwLock<State>,
    fresh: Duration,
    stale_if_error: Duration,
}

/// A row in memory.
struct CachedRow {
    row: Arc<Row>,
    read_at: UnixTime,
    /// The newest revision that is known to exist. An older row serves only until that one was read.
    newest: u64,
}

#[derive(Default)]
struct State {
    rows: HashMap<RecordId, CachedRow>,
    /// The length of all sealed sessions.
    bytes: usize,
    /// When each session was ended, by the time of its last call.
    ended: HashMap<RecordId, UnixTime>,
}

impl RowCache {
    /// A cache whose rows serve without a lookup while they are younger than `fresh`, and while the store fails, younger
    /// than `stale_if_error`.
    pub(super) fn new(fresh: Duration, stale_if_error: Duration) -> Self {
        Self { state: RwLock::default(), fresh, stale_if_error }
    }

    /// Returns a row that needs no lookup.
    pub(super) fn fresh(&self, id: RecordId, now: UnixTime) -> Option<Arc<Row>> {
        self.younger_than(id, self.fresh, now, |kept| kept.row.revision >= kept.newest)
    }

    /// Returns a row that serves while the store fails.
    pub(super) fn stale(&self, id: RecordId, now: UnixTime) -> Option<Arc<Row>> {
        self.younger_than(id, self.stale_if_error, now, |_| true)
    }

    /// Returns whether a row was read in this second.
    pub(super) fn is_new(&self, id: RecordId, now: UnixTime) -> bool {
        self.younger_than(id, Duration::from_secs(1), now, |_| true).is_some()
    }

    fn younger_than(
        &self,
        id: RecordId,
        age: Duration,
        now: UnixTime,
        serves: impl FnOnce(&CachedRow) -> bool,
    ) -> Option<Arc<Row>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let kept = state.rows.get(&id)?;
        (kept.read_at.is_within(age, now) && serves(kept)).then(|| Arc::clone(&kept.row))
    }

    /// Keeps a row that was read or written at a time.
    pub(super) fn keep(&self, row: Arc<Row>, now: UnixTime) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let id = row.id;
        let is_ended = state.ended.get(&id).is_some_and(|ended_at| are_near(*ended_at, now, CALL_TIME));
        // After a failover, the store may have an older row for good.
        let young = state.rows.get(&id).filter(|kept| are_near(kept.read_at, now, self.fresh));
        if is_ended || young.is_some_and(|kept| kept.row.revision > row.revision) {
            return;
        }
        let newest = young.map_or(row.revision, |kept| kept.newest);
        let bytes = bytes_of(&row);
        state.make_room(bytes, |read_at| read_at.is_within(self.stale_if_error, now));
        state.remove(id);
        state.bytes += bytes;
        state.rows.insert(id, CachedRow { row, read_at: now, newest });
    }

    /// Lets the next request read a row that has changed. If the store is slow, the old one serves until then.
    pub(super) fn apply(&self, changed: Changed, now: UnixTime) {
        let Some(revision) = changed.revision else { return self.forget(changed.id, now) };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = state.rows.get_mut(&changed.id) {
            kept.newest = kept.newest.max(revision);
        }
    }

    /// Forgets the rows that the provider ended.
    pub(super) fn forget_ended(&self, ended: &EndedBy, now: UnixTime) {
        for id in self.ended(ended) {
            self.forget(id, now);
        }
    }

    /// Removes the rows that a logout token may end, so that the next request of each reads it.
    pub(super) fn remove_ended(&self, ended: &EndedBy) {
        for id in self.ended(ended) {
            self.state.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
    }

    fn ended(&self, ended: &EndedBy) -> Vec<RecordId> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let rows = state.rows.values().map(|kept| &kept.row);
        rows.filter(|row| ended.ends_row(row)).map(|row| row.id).collect()
    }

    /// Forgets a row that was ended, and keeps no row of a call that began before.
    pub(super) fn forget(&self, id: RecordId, now: UnixTime) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.remove(id);
        if state.ended.len() >= MAX_ENDED {
            state.ended.clear();
        }
        state.ended.insert(id, now);
    }
}

impl State {
    fn remove(&mut self, id: RecordId) {
        if let Some(kept) = self.rows.remove(&id) {
            self.bytes = self.bytes.saturating_sub(bytes_of(&kept.row));
        }
    }

    fn make_room(&mut self, bytes: usize, is_useful: impl Fn(UnixTime) -> bool) {
        if self.rows.len() < MAX_ROWS && self.bytes.saturating_add(bytes) <= MAX_BYTES {
            return;
        }
        self.rows.retain(|_, kept| is_useful(kept.read_at));
        self.bytes = self.rows.values().map(|kept| bytes_of(&kept.row)).sum();
        // With less room, each of the next calls would look for old rows again.
        if self.rows.len() > MAX_ROWS / 2 || self.bytes.saturating_add(bytes) > MAX_BYTES / 2 {
            self.rows.clear();
            self.bytes = 0;
        }
    }
}

/// Returns the length of a sealed session and its summary.
fn bytes_of(row: &Row) -> usize {
    row.sealed.len().saturating_add(row.summary.len())
}

/// Returns whether two times are less than `distance` apart. A call names the time at which it began, so its row may be
/// kept after one of a later time.
fn are_near(one: UnixTime, other: UnixTime, distance: Duration) -> bool {
    one < other.plus(distance) && other < one.plus(distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::records::{LeaseState, Tag};

    const NOW: UnixTime = UnixTime(1_000_000);

    fn cache() -> RowCache {
        RowCache::new(Duration::from_secs(2), Duration::from_secs(30))
    }

    fn id(number: usize) -> RecordId {
        RecordId((number as u128).to_be_bytes())
    }

    fn row(number: usize, revision: u64, bytes: usize) -> Arc<Row> {
        Arc::new(Row {
            id: id(number),
            revision,
            generation: 1,
            lease: LeaseState::Available,
            subject: Tag([1; 16]),
            sid: None,
            began_at: NOW.0,
            issued_at: NOW.0,
            active_at: NOW.0,
            ends_at: NOW.0 + 3600,
            sealed: vec![0; bytes].into(),
            summary: vec![].into(),
        })
    }

    fn after(seconds: u64) -> UnixTime {
        UnixTime(NOW.0 + seconds)
    }

    #[test]
    fn row_of_a_read_that_began_before_the_end_is_not_kept() {
        let cache = cache();
        cache.keep(row(1, 1, 10), NOW);
        assert!(cache.fresh(id(1), NOW).is_some());
        cache.forget(id(1), after(1));
        for began_at in [NOW, after(1)] {
            cache.keep(row(1, 1, 10), began_at);
            assert!(cache.fresh(id(1), after(1)).is_none() && cache.stale(id(1), after(5)).is_none());
        }
        cache.keep(row(1, 1, 10), after(31));
        assert!(
            cache.fresh(id(1), after(31)).is_some(),
            "a clock that was wrong hides a session for some time only"
        );
    }

    #[test]
    fn row_that_another_process_changed_serves_only_while_the_store_is_slow() {
        let cache = cache();
        cache.keep(row(1, 2, 10), NOW);
        let changed = |revision| cache.apply(Changed { id: id(1), revision }, NOW);
        changed(Some(2));
        assert!(cache.fresh(id(1), NOW).is_some(), "a change of this process");
        changed(Some(3));
        assert!(cache.fresh(id(1), NOW).is_none());
        cache.keep(row(1, 2, 10), NOW);
        assert!(cache.fresh(id(1), NOW).is_none(), "a read that began before the change");
        assert_eq!(cache.stale(id(1), NOW).unwrap().revision, 2);
        cache.keep(row(1, 3, 10), NOW);
        assert!(cache.fresh(id(1), NOW).is_some());
        cache.keep(row(1, 3, 10), NOW);
        changed(None);
        cache.keep(row(1, 3, 10), NOW);
        assert!(cache.fresh(id(1), NOW).is_none(), "it was deleted");
    }

    #[test]
    fn older_revision_does_not_replace_a_young_row() {
        let cache = cache();
        cache.keep(row(1, 2, 10), after(1));
        for began_at in [NOW, after(1)] {
            cache.keep(row(1, 1, 10), began_at);
            assert_eq!(cache.fresh(id(1), after(1)).unwrap().revision, 2);
        }
        cache.keep(row(1, 1, 10), after(3));
        assert_eq!(cache.fresh(id(1), after(3)).unwrap().revision, 1, "the file lost a deferred write");
    }

    #[test]
    fn rows_and_their_bytes_have_a_bound() {
        let cache = cache();
        for number in 0..=MAX_ROWS {
            cache.keep(row(number, 1, 1), NOW);
        }
        assert_eq!(cache.state.read().unwrap().rows.len(), 1);
        let large = 1024 * 1024;
        for number in 0..=MAX_BYTES / large {
            cache.keep(row(number, 1, large), after(40));
            cache.keep(row(number, 1, large), after(40));
        }
        let state = cache.state.read().unwrap();
        assert!(state.rows.len() <= MAX_BYTES / large, "{}", state.rows.len());
        assert_eq!(state.bytes, state.rows.values().map(|kept| kept.row.sealed.len()).sum::<usize>());
        assert!(state.bytes <= MAX_BYTES);
    }
}
