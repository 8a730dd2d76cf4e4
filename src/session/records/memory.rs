//! Session records in the memory of the process
//!
//! 1. Expired rows and marks are removed by later writes, at most 16 of each.
//! 2. If there are too many marks, the one that would expire first is removed. The sessions that it ended are deleted
//!    already, so only a sign-in in progress can notice that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use super::tower::session_store;
use super::{Bounds, EndedBy, Inserted, RecordId, Records, RecordsError, Row, Scope, Swapped, Tag};
use crate::flow::ports::{Clock, UnixTime};

/// The number of expired entries that one write removes, so that no write takes long.
const MAX_SWEPT: usize = 16;

/// A store that a restart empties.
pub struct MemoryRecords {
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: HashMap<RecordId, Row>,
    by_tag: BTreeSet<(Tag, RecordId)>,
    by_end: BTreeSet<(u64, RecordId)>,
    marks: BTreeMap<Tag, Mark>,
    marks_by_end: BTreeSet<(u64, Tag)>,
}

#[derive(Clone, Copy)]
struct Mark {
    issued_at: u64,
    refused_until: u64,
}

impl MemoryRecords {
    /// Returns an empty store.
    pub fn new(bounds: Bounds, clock: Arc<dyn Clock>) -> Self {
        Self { bounds, clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for MemoryRecords {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryRecords").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl State {
    fn insert(&mut self, row: &Row, now: UnixTime, bounds: Bounds) -> Inserted {
        self.sweep(now);
        if self.rows.get(&row.id).is_some_and(|row| row.is_over(now)) {
            self.remove(row.id);
        }
        if self.rows.contains_key(&row.id) {
            return Inserted::Collision;
        }
        if self.refuses(row, now) {
            return Inserted::Ended;
        }
        if self.of_subject(row.subject, now).count() >= bounds.per_user {
            return Inserted::UserFull;
        }
        if self.rows.len() >= bounds.sessions {
            return Inserted::Full;
        }
        self.put(row.clone());
        Inserted::Stored
    }

    fn compare_and_swap(&mut self, row: &Row) -> Swapped {
        let Some(stored) = self.rows.get(&row.id) else { return Swapped::Gone };
        if stored.revision.checked_add(1) != Some(row.revision) {
            return Swapped::Changed;
        }
        self.remove(row.id);
        self.put(row.clone());
        Swapped::Stored
    }

    fn end_by(&mut self, ended: &EndedBy, now: UnixTime, bounds: Bounds) -> Vec<RecordId> {
        self.sweep(now);
        for tag in ended.tags.iter().filter(|_| ended.scope == Scope::Every) {
            self.mark(*tag, ended, bounds);
        }
        let rows = ended.tags.iter().flat_map(|tag| self.of_tag(*tag));
        let ids: BTreeSet<_> = rows
            .filter(|row| ended.ends(row.sid.is_some(), row.began_at, row.issued_at))
            .map(|row| row.id)
            .collect();
        ids.into_iter().filter(|id| self.remove(*id)).collect()
    }

    fn put(&mut self, row: Row) {
        for tag in row.tags() {
            self.by_tag.insert((tag, row.id));
        }
        self.by_end.insert((row.ends_at, row.id));
        self.rows.insert(row.id, row);
    }

    fn remove(&mut self, id: RecordId) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        for tag in row.tags() {
            self.by_tag.remove(&(tag, id));
        }
        self.by_end.remove(&(row.ends_at, id));
        true
    }

    fn of_tag(&self, tag: Tag) -> impl Iterator<Item = &Row> {
        let range = (tag, RecordId([0; 16]))..=(tag, RecordId([0xff; 16]));
        self.by_tag.range(range).filter_map(|(_, id)| self.rows.get(id))
    }

    fn of_subject(&self, tag: Tag, now: UnixTime) -> impl Iterator<Item = &Row> {
        self.of_tag(tag).filter(move |row| row.subject == tag && !row.is_over(now))
    }

    fn refuses(&self, row: &Row, now: UnixTime) -> bool {
        let mut marks = row.tags().filter_map(|tag| self.marks.get(&tag));
        marks.any(|mark| row.issued_at <= mark.issued_at && now.0 < mark.refused_until)
    }

    fn mark(&mut self, tag: Tag, ended: &EndedBy, bounds: Bounds) {
        let new = Mark { issued_at: ended.issued_at.0, refused_until: ended.refused_until.0 };
        let end = match self.marks.entry(tag) {
            Entry::Vacant(entry) => entry.insert(new).refused_until,
            Entry::Occupied(mut entry) => {
                let mark = entry.get_mut();
                self.marks_by_end.remove(&(mark.refused_until, tag));
                // A token that arrives late must not admit what a newer one refused.
                mark.issued_at = mark.issued_at.max(new.issued_at);
                mark.refused_until = mark.refused_until.max(new.refused_until);
                mark.refused_until
            }
        };
        self.marks_by_end.insert((end, tag));
        if self.marks.len() > bounds.sessions
            && let Some((_, tag)) = self.marks_by_end.pop_first()
        {
            self.marks.remove(&tag);
        }
    }

    fn sweep(&mut self, now: UnixTime) {
        let over = self.by_end.iter().take_while(|(end, _)| *end <= now.0).take(MAX_SWEPT);
        for id in over.map(|(_, id)| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
        for _ in 0..MAX_SWEPT {
            match self.marks_by_end.first().copied() {
                Some((end, tag)) if end <= now.0 => {
                    self.marks_by_end.remove(&(end, tag));
                    self.marks.remove(&tag);
                }
                _ => return,
            }
        }
    }
}

session_store!(MemoryRecords);

impl Records for MemoryRecords {
    fn insert<'a>(&'a self, row: &'a Row, now: UnixTime) -> BoxFuture<'a, Result<Inserted, RecordsError>> {
        Box::pin(async move { Ok(self.state().insert(row, now, self.bounds)) })
    }

    fn find(&self, id: RecordId) -> BoxFuture<'_, Result<Option<Row>, RecordsError>> {
        Box::pin(async move { Ok(self.state().rows.get(&id).cloned()) })
    }

    fn compare_and_swap<'a>(&'a self, row: &'a Row) -> BoxFuture<'a, Result<Swapped, RecordsError>> {
        Box::pin(async move { Ok(self.state().compare_and_swap(row)) })
    }

    fn remove(&self, id: RecordId) -> BoxFuture<'_, Result<bool, RecordsError>> {
        Box::pin(async move { Ok(self.state().remove(id)) })
    }

    fn end_by<'a>(&'a self, ended: &'a EndedBy) -> BoxFuture<'a, Result<Vec<RecordId>, RecordsError>> {
        Box::pin(async move { Ok(self.state().end_by(ended, self.clock.now(), self.bounds)) })
    }

    fn of_user<'a>(
        &'a self,
        subject: &'a [Tag],
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Row>, RecordsError>> {
        Box::pin(async move {
            let state = self.state();
            let tags: BTreeSet<_> = subject.iter().copied().collect();
            Ok(tags.iter().flat_map(|tag| state.of_subject(*tag, now)).cloned().collect())
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<Option<usize>, RecordsError>> {
        Box::pin(async move { Ok(Some(self.state().rows.len())) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::{self, Fixture, NOW, TestClock};
    use super::*;

    impl Fixture for MemoryRecords {
        type Store = Self;

        async fn start(bounds: Bounds, clock: Arc<TestClock>) -> Self {
            Self::new(bounds, clock)
        }

        fn store(&self) -> &Self {
            self
        }
    }

    contract::contract!(MemoryRecords);

    #[tokio::test]
    async fn marks_have_a_bound_and_expire() {
        let clock = TestClock::new();
        let store = MemoryRecords::new(Bounds { sessions: 3, per_user: 3 }, clock.clone());
        let ended = |tag, seconds| EndedBy {
            tags: vec![Tag([tag; 16])],
            scope: Scope::Every,
            arrived_at: Some(NOW),
            issued_at: NOW,
            refused_until: UnixTime(NOW.0 + seconds),
        };
        for tag in 1..=5 {
            store.end_by(&ended(tag, u64::from(10 - tag))).await.unwrap();
        }
        let kept: Vec<_> = store.state().marks.keys().copied().collect();
        assert_eq!(kept, [Tag([1; 16]), Tag([2; 16]), Tag([3; 16])]);
        clock.set(UnixTime(NOW.0 + 8));
        store.end_by(&ended(6, 20)).await.unwrap();
        let kept: Vec<_> = store.state().marks.keys().copied().collect();
        assert_eq!(kept, [Tag([1; 16]), Tag([6; 16])]);
        assert_eq!(store.state().marks_by_end.len(), 2);
    }
}
