//! Ticket store: the cookie is a ticket, and a store keeps the record of the session
//!
//! 1. A check reads the record at most once in two seconds. Its cookies do not change when the tokens are refreshed, so
//!    a proxy that drops `Set-Cookie` does no harm.
//! 2. The lease of a refresh is a part of the record. It has a fence and an end, and its holder renews it. If its holder
//!    did not return it, the next holder knows that the refresh token may be spent.
//! 3. A session that was ended has no record, and no late refresh writes it again.
//! 4. If the store fails, a record that was read within `stale_if_error` serves, and then the state is unknown. No cookie
//!    is deleted because of that. If it is slow, such a record serves while the next one is read.

mod arrivals;
mod cache;
mod changing;
mod failing;
mod listing;
mod logouts;
mod lookup;
mod opening;
mod port;
mod reading;
mod refreshing;
mod waiting;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use self::arrivals::FirstArrivals;
use self::cache::RowCache;
use self::failing::Failing;
use self::reading::Reading;
pub use self::refreshing::LEASE_TIME;
use self::waiting::WaitingLogouts;
use super::codec::contents::{Lifetimes, Sealing};
use super::codec::seal::KeyRing;
use super::codec::summary::SummarySeal;
use super::place::Places;
use super::records::{RecordId, Records, Row};
use crate::access::origin::Origins;
use crate::flow::ports::{Clock, Entropy, NoEntropy, StoreUnavailable, UnixTime};

/// The largest record, in bytes.
const MAX_RECORD_BYTES: usize = 256 * 1024;

/// The number of leases that are given back in the background. Further ones expire.
const MAX_UNUSED_LEASES: usize = 1000;

/// The settings of a ticket store.
#[derive(Clone, Copy, Debug)]
pub struct TicketSettings {
    /// The lifetimes of sessions.
    pub lifetimes: Lifetimes,
    /// Whether sessions contain their ID token.
    pub keeps_id_token: bool,
    /// How long a record that was read serves without another lookup.
    pub fresh: Duration,
    /// How long a record that was read serves while the store fails.
    pub stale_if_error: Duration,
    /// Whether no other process uses the store. A lease of another process is then one of an earlier run.
    pub is_exclusive: bool,
}

/// A session store with the records of `R`.
pub struct TicketStore<R> {
    /// The store itself, for reads that outlive their request.
    this: Weak<Self>,
    records: R,
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    places: Places,
    summaries: SummarySeal,
    settings: TicketSettings,
    /// A random number of this process.
    process: u64,
    cache: RowCache,
    reading: Arc<Reading>,
    /// The number of the next lease.
    fences: AtomicU64,
    /// For leases that are given back in the background.
    unused_leases: Arc<Semaphore>,
    arrivals: FirstArrivals,
    waiting_logouts: WaitingLogouts,
    reads: Failing,
    /// On a full disk, only writes fail.
    writes: Failing,
    /// If a replica hangs, only these writes fail: they must survive the loss of a server.
    replicated_writes: Failing,
}

impl<R: Records> TicketStore<R> {
    /// A store for the public origins; `client` is the issuer and the client ID.
    pub fn new(
        records: R,
        keys: Arc<KeyRing>,
        (entropy, clock): (Arc<dyn Entropy>, Arc<dyn Clock>),
        (origins, client): (&Origins, (&str, &str)),
        settings: TicketSettings,
    ) -> Result<Arc<Self>, NoEntropy> {
        let mut process = [0; 8];
        entropy.fill(&mut process)?;
        Ok(Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            records,
            keys,
            entropy,
            clock,
            places: Places::new(origins, client),
            summaries: SummarySeal::new(client),
            settings,
            process: u64::from_ne_bytes(process),
            cache: RowCache::new(settings.fresh, settings.stale_if_error),
            reading: Arc::default(),
            fences: AtomicU64::default(),
            unused_leases: Arc::new(Semaphore::new(MAX_UNUSED_LEASES)),
            arrivals: FirstArrivals::default(),
            waiting_logouts: WaitingLogouts::default(),
            reads: Failing::new(
                "sessions cannot be read; those that were read within session.stale_if_error go on",
                "sessions can be read again",
            ),
            writes: Failing::new(
                "sessions cannot be stored; users cannot sign in",
                "sessions can be stored again",
            ),
            replicated_writes: Failing::new(
                "leases and ends of sessions cannot be stored; users cannot sign out, and tokens are not refreshed",
                "leases and ends of sessions can be stored again",
            ),
        }))
    }

    /// Forgets what other processes change, and never returns.
    pub async fn follow(&self) {
        self.records.follow(&|changed| self.cache.apply(changed, self.clock.now())).await;
    }

    /// Returns the number of records, or `None` if the store fails or does not count them.
    pub async fn count(&self) -> Option<usize> {
        self.reads.log(self.records.count().await).ok().flatten()
    }

    fn sealing(&self, now: UnixTime) -> Sealing {
        let TicketSettings { lifetimes, keeps_id_token, .. } = self.settings;
        Sealing { process: self.process, now, lifetimes, keeps_id_token }
    }

    /// Reads a row from the store, and keeps it.
    async fn find(&self, id: RecordId, now: UnixTime) -> Result<Option<Arc<Row>>, StoreUnavailable> {
        let found = self
            .reads
            .log(self.records.find(id).await)?
            .filter(|row| !row.was_ended() && !self.waiting_logouts.end(row));
        let Some(row) = found.map(Arc::new) else {
            self.cache.forget(id, now);
            return Ok(None);
        };
        self.cache.keep(Arc::clone(&row), now);
        Ok(Some(row))
    }
}
