//! Transactions, and a database that is opened again after it failed

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase};

use super::failure::{Failure, OpenError, Written};
use super::tables::Tables;

/// The number of consecutive writes that a power failure may undo. Each of them only has a new `active_at`.
const MAX_DEFERRED_WRITES: u32 = 64;

/// How long no call opens the database after it could not be opened. Every other call would wait for that one.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Opens the database.
pub(super) type Open = dyn Fn(Occasion) -> Result<Database, OpenError> + Send + Sync;

/// Why the database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The process starts. The whole file is checked, because damage would otherwise be found by the first request that
    /// reads it.
    Start,
    /// A call failed. All other calls wait, so nothing is checked, and nothing is written to a disk that may be full.
    Failure,
}

/// A database that is opened again after it failed.
pub(super) struct Reopened {
    open: Box<Open>,
    database: RwLock<State>,
    pub(super) retry_after: Duration,
    deferred: AtomicU32,
}

enum State {
    Open(Database),
    Closed,
    /// It could not be opened at this time.
    Failed(Instant, OpenError),
}

impl Reopened {
    pub(super) fn new(open: Box<Open>) -> Result<Self, OpenError> {
        let database = RwLock::new(State::Open(open(Occasion::Start)?));
        Ok(Self { open, database, retry_after: RETRY_AFTER, deferred: AtomicU32::new(0) })
    }

    /// Runs one write transaction.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<(T, Written), Failure>,
    ) -> Result<T, Failure> {
        self.with(|database| {
            let mut transaction = database.begin_write()?;
            let (result, written) = work(&mut Tables::open(&transaction)?)?;
            match written {
                Written::Nothing => {
                    transaction.abort()?;
                    return Ok(result);
                }
                Written::ActiveAt if self.may_defer() => transaction.set_durability(Durability::None)?,
                Written::ActiveAt | Written::Everything => self.deferred.store(0, Ordering::Relaxed),
            }
            transaction.commit()?;
            Ok(result)
        })
    }

    /// Runs one read transaction.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.with(|database| work(&database.begin_read()?))
    }

    fn may_defer(&self) -> bool {
        self.deferred.fetch_add(1, Ordering::Relaxed) < MAX_DEFERRED_WRITES
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Failure>) -> Result<T, Failure> {
        self.open_if_closed()?;
        let result = match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database) => work(database),
            State::Closed | State::Failed(..) => Err(redb::StorageError::PreviousIo.into()),
        };
        if result.as_ref().is_err_and(Failure::is_permanent) {
            self.close();
        }
        result
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a pause of this process, which no time of a session depends on"
    )]
    fn open_if_closed(&self) -> Result<(), Failure> {
        if self.is_decided(&self.database.read().unwrap_or_else(PoisonError::into_inner))? {
            return Ok(());
        }
        let mut state = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if self.is_decided(&state)? {
            return Ok(());
        }
        match (self.open)(Occasion::Failure) {
            Ok(database) => *state = State::Open(database),
            Err(error) => {
                *state = State::Failed(Instant::now(), error.clone());
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Returns whether the database is open, or the error of a moment ago.
    #[expect(clippy::disallowed_methods, reason = "as in `open_if_closed`")]
    fn is_decided(&self, state: &State) -> Result<bool, Failure> {
        match state {
            State::Open(_) => Ok(true),
            State::Failed(at, error) if at.elapsed() < self.retry_after => Err(error.clone().into()),
            State::Closed | State::Failed(..) => Ok(false),
        }
    }

    fn close(&self) {
        let mut state = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(_)) {
            *state = State::Closed;
        }
    }
}
