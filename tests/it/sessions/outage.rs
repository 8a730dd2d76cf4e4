//! Session records that a test makes unavailable

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use foregate::flow::ports::UnixTime;
use foregate::session::records::{
    EndedBy, Inserted, Kept, MemoryRecords, RecordId, Records, RecordsError, Row, Swapped, Tag,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::Result;

/// The failures of a store.
#[derive(Default)]
pub(crate) struct Failures {
    /// No call succeeds.
    pub(crate) is_unavailable: AtomicBool,
    /// No call returns.
    pub(crate) hangs: AtomicBool,
    /// The number of reads that began.
    pub(crate) reads: AtomicUsize,
    /// The next write succeeds, but its answer does not arrive.
    pub(crate) loses_an_answer: AtomicBool,
    /// No call succeeds after that write.
    pub(crate) fails_after_it: AtomicBool,
}

/// Records in memory, with failures.
pub(crate) struct Switchable {
    pub(crate) records: Arc<MemoryRecords>,
    pub(crate) outage: Arc<Failures>,
}

impl Switchable {
    /// Yields to the runtime, as a network call does. Returns an error if the store is unavailable.
    async fn reach(&self) -> std::result::Result<&MemoryRecords, RecordsError> {
        tokio::task::yield_now().await;
        while self.outage.hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if self.outage.is_unavailable.load(Ordering::Relaxed) {
            return Err(RecordsError("switched off".to_owned()));
        }
        Ok(&self.records)
    }
}

impl Debug for Switchable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Switchable")
    }
}

#[async_trait]
impl SessionStore for Switchable {
    async fn create(&self, record: &mut Record) -> Result<()> {
        self.reach().await?.create(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.reach().await?.save(record).await
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        self.reach().await?.load(id).await
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.reach().await?.delete(id).await
    }
}

type Answer<'a, T> = BoxFuture<'a, std::result::Result<T, RecordsError>>;

impl Records for Switchable {
    fn insert<'a>(&'a self, row: &'a Row, now: UnixTime) -> Answer<'a, Inserted> {
        async move { self.reach().await?.insert(row, now).await }.boxed()
    }

    fn find(&self, id: RecordId) -> Answer<'_, Option<Row>> {
        self.outage.reads.fetch_add(1, Ordering::Relaxed);
        async move { self.reach().await?.find(id).await }.boxed()
    }

    fn compare_and_swap<'a>(&'a self, replaced: u64, row: &'a Row, kept: Kept) -> Answer<'a, Swapped> {
        async move {
            let swapped = self.reach().await?.compare_and_swap(replaced, row, kept).await;
            if self.outage.loses_an_answer.swap(false, Ordering::Relaxed) {
                let fails = self.outage.fails_after_it.swap(false, Ordering::Relaxed);
                self.outage.is_unavailable.fetch_or(fails, Ordering::Relaxed);
                return Err(RecordsError("the answer was lost".to_owned()));
            }
            swapped
        }
        .boxed()
    }

    fn remove(&self, id: RecordId) -> Answer<'_, bool> {
        async move { self.reach().await?.remove(id).await }.boxed()
    }

    fn end_by<'a>(&'a self, ended: &'a EndedBy) -> Answer<'a, Vec<RecordId>> {
        async move { self.reach().await?.end_by(ended).await }.boxed()
    }

    fn of_user<'a>(&'a self, subject: &'a [Tag], now: UnixTime) -> Answer<'a, Vec<Row>> {
        async move { self.reach().await?.of_user(subject, now).await }.boxed()
    }

    fn count(&self) -> Answer<'_, Option<usize>> {
        async move { self.reach().await?.count().await }.boxed()
    }
}
