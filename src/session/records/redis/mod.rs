//! Session records in Redis or Valkey, for any number of gateways
//!
//! 1. Each change of one user's records is one script, so it happens as a whole or not at all.
//! 2. The `sid` of a session has an index in another slot. It is written before the record. When the provider ends a
//!    `sid`, each session in its index gets a tombstone, so that a session which just began is not stored after it.
//! 3. Every key expires. A record expires some time after its session, so that a late request finds that it has expired.
//! 4. The number of all sessions has no bound but the memory of the server. It must not evict keys: see
//!    `docs/stores.md`. If its memory is full, no session can begin, but all can be refreshed and ended.
//! 5. Every change is published, so that other gateways read the record again.
//! 6. If the primary has replicas, a lease, new tokens and the end of a session are on one of them before they count.

mod changes;
mod connection;
mod diagnosis;
mod entry;
mod failure;
mod information;
mod operations;
mod probe;
mod replicated;
mod servers;

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::connection::{Connection, late};
use self::entry::Keys;
use self::failure::Failure;
pub use self::probe::{RedisProbe, Tested, Unusable};
use self::replicated::Replicated;
pub use self::servers::{Login, RedisServers, Topology};
use super::tower::session_store;
use super::{Changed, EndedBy, Inserted, Kept, RecordId, Records, RecordsError, Row, Swapped, Tag};
use crate::flow::ports::{Clock, UnixTime};

/// The number of calls that run at a time.
const MAX_CONCURRENT_CALLS: usize = 1000;
/// The time limit of one operation, which may need several calls.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The settings of the store.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// The servers.
    pub servers: RedisServers,
    /// What the name of every key begins with.
    pub key_prefix: String,
}

/// A store in Redis.
pub struct RedisRecords {
    connection: Connection,
    /// For leases and new tokens.
    leases: Replicated,
    /// For the ends of sessions. Users who sign out again and again delay no refresh.
    ends: Replicated,
    keys: Keys,
    per_user: usize,
    clock: Arc<dyn Clock>,
    permits: Semaphore,
}

impl RedisRecords {
    /// A store that the first call connects to. Fails if the settings cannot be used, for example a certificate.
    pub fn new(
        settings: &RedisSettings,
        per_user: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RecordsError> {
        let servers = settings.servers.open().map_err(|error| RecordsError(error.to_string()))?;
        let servers = Arc::new(servers);
        Ok(Self {
            connection: Connection::new(Arc::clone(&servers)),
            leases: Replicated::new(Arc::clone(&servers)),
            ends: Replicated::new(servers),
            keys: Keys::new(&settings.key_prefix),
            per_user,
            clock,
            permits: Semaphore::new(MAX_CONCURRENT_CALLS),
        })
    }

    /// Runs an operation within its bounds.
    async fn bounded<T>(
        &self,
        operation: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, RecordsError> {
        let run = async {
            let Ok(_permit) = self.permits.acquire().await else { return Err(Failure::Unreadable) };
            operation.await
        };
        let result = timeout(MAX_WAIT, run).await.unwrap_or_else(|_| Err(late("the operation").into()));
        result.map_err(|failure| RecordsError(failure.to_string()))
    }
}

impl Debug for RedisRecords {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisRecords").finish_non_exhaustive()
    }
}

session_store!(RedisRecords);

impl Records for RedisRecords {
    fn insert<'a>(&'a self, row: &'a Row, now: UnixTime) -> BoxFuture<'a, Result<Inserted, RecordsError>> {
        Box::pin(self.bounded(async move {
            match self.insert_row(row, now).await {
                Err(failure) if failure.is_out_of_memory() => Ok(Inserted::Full),
                result => result,
            }
        }))
    }

    fn find(&self, id: RecordId) -> BoxFuture<'_, Result<Option<Row>, RecordsError>> {
        Box::pin(self.bounded(self.find_row(id)))
    }

    fn compare_and_swap<'a>(
        &'a self,
        replaced: u64,
        row: &'a Row,
        kept: Kept,
    ) -> BoxFuture<'a, Result<Swapped, RecordsError>> {
        Box::pin(self.bounded(self.swap_row(replaced, row, kept)))
    }

    fn remove(&self, id: RecordId) -> BoxFuture<'_, Result<bool, RecordsError>> {
        Box::pin(self.bounded(self.remove_row(id)))
    }

    fn end_by<'a>(&'a self, ended: &'a EndedBy) -> BoxFuture<'a, Result<Vec<RecordId>, RecordsError>> {
        Box::pin(self.bounded(self.end_tags(ended)))
    }

    fn of_user<'a>(
        &'a self,
        subject: &'a [Tag],
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Row>, RecordsError>> {
        Box::pin(self.bounded(async move {
            let mut rows = Vec::new();
            for tag in subject.iter().collect::<BTreeSet<_>>() {
                rows.extend(self.rows_of(*tag, now).await?);
            }
            Ok(rows)
        }))
    }

    fn first_arrival(
        &self,
        token: Tag,
        now: UnixTime,
        until: UnixTime,
    ) -> BoxFuture<'_, Result<UnixTime, RecordsError>> {
        Box::pin(self.bounded(self.arrive(token, now, until)))
    }

    fn follow<'a>(&'a self, changed: &'a (dyn Fn(Changed) + Send + Sync)) -> BoxFuture<'a, ()> {
        Box::pin(
            async move { changes::follow(&self.connection.servers, &self.keys.channel(), changed).await },
        )
    }

    fn count(&self) -> BoxFuture<'_, Result<Option<usize>, RecordsError>> {
        // Counting would read every key of the server.
        Box::pin(async { Ok(None) })
    }
}
