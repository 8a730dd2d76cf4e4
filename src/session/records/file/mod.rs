//! Session records in a file, which outlive a restart
//!
//! 1. A write returns after the file has it. Only a new `active_at` may be lost if the process is killed.
//! 2. The calls block, so they run on threads of their own. At most 16 reads and 16 writes run, so that reads do not wait
//!    for a slow disk. Each caller waits at most 5 seconds. A write whose caller stopped waiting may still happen.
//! 3. Expired rows and marks are removed by later writes, at most 16 of each.
//! 4. After an input or output error, the file is opened again. So a full disk needs no restart. If it cannot be opened,
//!    calls fail for a second without a try.

mod database;
mod failure;
mod open;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::database::Reopened;
pub use self::failure::OpenError;
use self::failure::{Failure, Written};
use self::tables::{Snapshot, Tables};
use super::tower::session_store;
use super::{Bounds, EndedBy, Inserted, Kept, RecordId, Records, RecordsError, Row, Swapped, Tag};
use crate::flow::ports::{Clock, UnixTime};

/// The number of reads, and of writes, that run at a time.
const MAX_CONCURRENT_CALLS: usize = 16;
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A store in one file, which serves one process.
pub struct FileRecords {
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    database: Arc<Reopened>,
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    max_wait: Duration,
}

impl FileRecords {
    /// Opens the file, or creates it with mode 0600. It reads the whole file, because it checks it.
    pub fn open(path: impl Into<PathBuf>, bounds: Bounds, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.into();
        Self::open_with(Box::new(move |occasion| open::open(&path, occasion)), bounds, clock)
    }

    fn open_with(
        open: Box<database::Open>,
        bounds: Bounds,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let database = Arc::new(Reopened::new(open)?);
        let permits = || Arc::new(Semaphore::new(MAX_CONCURRENT_CALLS));
        Ok(Self { bounds, clock, database, reads: permits(), writes: permits(), max_wait: MAX_WAIT })
    }

    async fn read<T, F>(&self, work: F) -> Result<T, RecordsError>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot) -> Result<T, Failure> + Send + 'static,
    {
        let read =
            move |database: &Reopened| database.read(|transaction| work(&Snapshot::open(transaction)?));
        self.run(&self.reads, read).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, RecordsError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<(T, Written), Failure> + Send + 'static,
    {
        self.run(&self.writes, move |database| database.write(work)).await
    }

    async fn run<T, F>(&self, permits: &Arc<Semaphore>, work: F) -> Result<T, RecordsError>
    where
        T: Send + 'static,
        F: FnOnce(&Reopened) -> Result<T, Failure> + Send + 'static,
    {
        let permits = Arc::clone(permits);
        let database = Arc::clone(&self.database);
        let answer = async {
            let permit = permits.acquire_owned().await.map_err(|_| stopped())?;
            let call = spawn_blocking(move || {
                // Held by the thread, because the call continues if its caller stops waiting.
                let _permit = permit;
                work(&database)
            });
            call.await.map_err(|_| stopped())?.map_err(|failure| RecordsError(failure.to_string()))
        };
        let late = || RecordsError(format!("no answer within {} seconds", self.max_wait.as_secs()));
        timeout(self.max_wait, answer).await.unwrap_or_else(|_| Err(late()))
    }
}

fn stopped() -> RecordsError {
    RecordsError("the call was interrupted".to_owned())
}

impl Debug for FileRecords {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FileRecords").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

session_store!(FileRecords);

impl Records for FileRecords {
    fn insert<'a>(&'a self, row: &'a Row, now: UnixTime) -> BoxFuture<'a, Result<Inserted, RecordsError>> {
        let (row, bounds) = (row.clone(), self.bounds);
        Box::pin(self.write(move |tables| tables.insert(&row, now, bounds)))
    }

    fn find(&self, id: RecordId) -> BoxFuture<'_, Result<Option<Row>, RecordsError>> {
        Box::pin(self.read(move |tables| tables.row(id)))
    }

    fn compare_and_swap<'a>(
        &'a self,
        replaced: u64,
        row: &'a Row,
        _: Kept,
    ) -> BoxFuture<'a, Result<Swapped, RecordsError>> {
        let row = row.clone();
        Box::pin(self.write(move |tables| tables.compare_and_swap(replaced, &row)))
    }

    fn remove(&self, id: RecordId) -> BoxFuture<'_, Result<bool, RecordsError>> {
        Box::pin(self.write(move |tables| tables.remove_row(id)))
    }

    fn end_by<'a>(&'a self, ended: &'a EndedBy) -> BoxFuture<'a, Result<Vec<RecordId>, RecordsError>> {
        let (ended, now, bounds) = (ended.clone(), self.clock.now(), self.bounds);
        Box::pin(self.write(move |tables| tables.end_by(&ended, now, bounds)))
    }

    fn of_user<'a>(
        &'a self,
        subject: &'a [Tag],
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Row>, RecordsError>> {
        let subject = subject.to_vec();
        Box::pin(self.read(move |tables| tables.of_user(&subject, now)))
    }

    fn count(&self) -> BoxFuture<'_, Result<Option<usize>, RecordsError>> {
        Box::pin(self.read(|tables| tables.count().map(Some)))
    }
}
