//! Session records in any store of tower-sessions, for one process
//!
//! Such a store can save, load and delete a record by its id, and no more. This process adds the rest:
//!
//! 1. Writes of one record wait for each other here. So no other process may use the store.
//! 2. The index of users and of the provider's sessions is in memory. After a restart, it has only the sessions that were
//!    looked up since. [`Records::of_user`] returns no others, and the bounds count no others.
//! 3. [`Records::end_by`] deletes the sessions in the index. It ends others when they are looked up, unless the process
//!    restarts before: **the end of a session is then lost, if it was not looked up in between.** If that matters, use a
//!    store with an index of its own, such as [`FileRecords`](super::file::FileRecords).
//! 4. The index has at most [`Bounds::sessions`] rows, and as many ends are remembered. Records that have expired are left
//!    to the store.

mod ends;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session_store;

use self::ends::Ends;
use super::index::Index;
use super::{Bounds, EndedBy, Inserted, Kept, RecordId, Records, RecordsError, Row, Swapped, Tag};
use crate::flow::ports::{Clock, UnixTime};

/// The number of locks. Records with the same lock wait for each other.
const LOCKS: usize = 64;
/// The time limit of a call to the store. A write that took longer may still happen.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The records in a store of tower-sessions that no other process uses.
pub struct Single<S> {
    store: S,
    bounds: Bounds,
    session_life: Duration,
    clock: Arc<dyn Clock>,
    locks: [Mutex<()>; LOCKS],
    known: StdMutex<Known>,
}

/// What this process knows of the records.
#[derive(Default)]
struct Known {
    /// The rows without what is sealed.
    index: Index,
    ends: Ends,
}

impl<S: SessionStore> Single<S> {
    /// The records in `store`, of sessions that last at most `session_life`.
    pub fn new(store: S, bounds: Bounds, session_life: Duration, clock: Arc<dyn Clock>) -> Self {
        let locks = std::array::from_fn(|_| Mutex::default());
        Self { store, bounds, session_life, clock, locks, known: StdMutex::default() }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other write of this record runs.
    async fn lock(&self, id: RecordId) -> Result<MutexGuard<'_, ()>, RecordsError> {
        let [.., last] = id.0;
        let lock = self.locks.get(usize::from(last) % LOCKS);
        Ok(lock.ok_or_else(|| RecordsError("there is no lock".to_owned()))?.lock().await)
    }

    /// Returns a row, and remembers it. The caller holds the lock.
    async fn load(&self, id: RecordId) -> Result<Option<Row>, RecordsError> {
        let Some(record) = bounded(self.store.load(&id.to_tower())).await? else {
            self.known().index.remove(id);
            return Ok(None);
        };
        let row = Row::from_record(&record).map_err(|error| RecordsError(error.to_string()))?;
        if self.known().has_ended(&row, self.bounds) {
            self.delete(id).await?;
            return Ok(None);
        }
        Ok(Some(row))
    }

    async fn save(&self, row: &Row) -> Result<(), RecordsError> {
        let record = row.to_record().map_err(|error| RecordsError(error.to_string()))?;
        bounded(self.store.save(&record)).await
    }

    async fn delete(&self, id: RecordId) -> Result<(), RecordsError> {
        bounded(self.store.delete(&id.to_tower())).await?;
        self.known().index.remove(id);
        Ok(())
    }

    async fn insert_row(&self, row: &Row, now: UnixTime) -> Result<Inserted, RecordsError> {
        let _guard = self.lock(row.id).await?;
        if self.load(row.id).await?.is_some_and(|row| !row.is_over(now)) {
            return Ok(Inserted::Collision);
        }
        let inserted = self.known().index.insert(&unsealed(row), now, self.bounds);
        if inserted == Inserted::Stored
            && let Err(error) = self.save(row).await
        {
            self.known().index.remove(row.id);
            return Err(error);
        }
        Ok(inserted)
    }

    async fn swap_row(&self, replaced: u64, row: &Row) -> Result<Swapped, RecordsError> {
        let _guard = self.lock(row.id).await?;
        let Some(stored) = self.load(row.id).await? else { return Ok(Swapped::Gone) };
        if stored.revision != replaced {
            return Ok(Swapped::Changed);
        }
        self.save(row).await?;
        self.known().replace(row);
        Ok(Swapped::Stored)
    }

    async fn remove_row(&self, id: RecordId) -> Result<bool, RecordsError> {
        let _guard = self.lock(id).await?;
        let exists = bounded(self.store.load(&id.to_tower())).await?.is_some();
        self.delete(id).await?;
        Ok(exists)
    }

    async fn end_tags(&self, ended: &EndedBy) -> Result<Vec<RecordId>, RecordsError> {
        let now = self.clock.now();
        let ids = {
            let mut known = self.known();
            known.index.mark_ended(ended, now, self.bounds);
            known.ends.add(ended, now, now.plus(self.session_life), self.bounds.sessions);
            known.index.ended(ended)
        };
        let mut deleted = Vec::new();
        for id in ids {
            let _guard = self.lock(id).await?;
            // A failure leaves it in the index, so that the next logout token finds it.
            if self.known().index.rows.contains_key(&id) {
                self.delete(id).await?;
                deleted.push(id);
            }
        }
        Ok(deleted)
    }

    async fn rows_of(&self, subject: &[Tag], now: UnixTime) -> Result<Vec<Row>, RecordsError> {
        let tags: BTreeSet<_> = subject.iter().copied().collect();
        let ids: Vec<_> = {
            let known = self.known();
            tags.iter().flat_map(|tag| known.index.of_subject(*tag, now)).map(|row| row.id).collect()
        };
        let mut rows = Vec::new();
        for id in ids {
            let _guard = self.lock(id).await?;
            rows.extend(self.load(id).await?.filter(|row| !row.is_over(now)));
        }
        Ok(rows)
    }
}

impl Known {
    /// Returns whether a row was ended before this process had seen it. Otherwise, it is seen now.
    fn has_ended(&mut self, row: &Row, bounds: Bounds) -> bool {
        if self.index.rows.contains_key(&row.id) {
            return false;
        }
        if self.ends.contain(row) {
            return true;
        }
        if self.index.rows.len() < bounds.sessions {
            self.index.put(unsealed(row));
        }
        false
    }

    fn replace(&mut self, row: &Row) {
        if self.index.remove(row.id) {
            self.index.put(unsealed(row));
        }
    }
}

fn unsealed(row: &Row) -> Row {
    Row { sealed: Arc::default(), summary: Arc::default(), ..row.clone() }
}

async fn bounded<T>(call: impl Future<Output = session_store::Result<T>>) -> Result<T, RecordsError> {
    match timeout(MAX_WAIT, call).await {
        Ok(result) => result.map_err(|error| RecordsError(error.to_string())),
        Err(_) => Err(RecordsError("the store took too long".to_owned())),
    }
}

impl<S> Debug for Single<S> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Single").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

super::tower::session_store!(Single<S>, S);

impl<S: SessionStore> Records for Single<S> {
    fn insert<'a>(&'a self, row: &'a Row, now: UnixTime) -> BoxFuture<'a, Result<Inserted, RecordsError>> {
        Box::pin(self.insert_row(row, now))
    }

    fn find(&self, id: RecordId) -> BoxFuture<'_, Result<Option<Row>, RecordsError>> {
        Box::pin(async move {
            let _guard = self.lock(id).await?;
            self.load(id).await
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        replaced: u64,
        row: &'a Row,
        _: Kept,
    ) -> BoxFuture<'a, Result<Swapped, RecordsError>> {
        Box::pin(self.swap_row(replaced, row))
    }

    fn remove(&self, id: RecordId) -> BoxFuture<'_, Result<bool, RecordsError>> {
        Box::pin(self.remove_row(id))
    }

    fn end_by<'a>(&'a self, ended: &'a EndedBy) -> BoxFuture<'a, Result<Vec<RecordId>, RecordsError>> {
        Box::pin(self.end_tags(ended))
    }

    fn of_user<'a>(
        &'a self,
        subject: &'a [Tag],
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Row>, RecordsError>> {
        Box::pin(self.rows_of(subject, now))
    }

    fn count(&self) -> BoxFuture<'_, Result<Option<usize>, RecordsError>> {
        // The index lacks those that were not looked up since the start.
        Box::pin(async { Ok(None) })
    }
}
