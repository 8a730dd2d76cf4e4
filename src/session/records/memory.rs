//! Session records in the memory of the process

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use super::index::Index;
use super::tower::session_store;
use super::{Bounds, EndedBy, Inserted, Kept, RecordId, Records, RecordsError, Row, Swapped, Tag};
use crate::flow::ports::{Clock, UnixTime};

/// A store that a restart empties.
pub struct MemoryRecords {
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    state: Mutex<Index>,
}

impl MemoryRecords {
    /// Returns an empty store.
    pub fn new(bounds: Bounds, clock: Arc<dyn Clock>) -> Self {
        Self { bounds, clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, Index> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for MemoryRecords {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryRecords").field("bounds", &self.bounds).finish_non_exhaustive()
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

    fn compare_and_swap<'a>(
        &'a self,
        replaced: u64,
        row: &'a Row,
        _: Kept,
    ) -> BoxFuture<'a, Result<Swapped, RecordsError>> {
        Box::pin(async move { Ok(self.state().compare_and_swap(replaced, row)) })
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
    use super::super::Scope;
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
