//! Transactions, and a database that is opened again after it failed

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase};

use super::failure::{Failure, OpenError, Written};
use super::tables::Tables;

/// The number of consecutive writes that a power failure may undo. Each of them only has a new `active_at`.
const MAX_DEFERRED_WRITES: u32 = 64;

/// Opens the database, at the start and after each failure.
pub(super) type Open = dyn Fn() -> Result<Database, OpenError> + Send + Sync;

/// A database that is opened again after it failed.
pub(super) struct Reopened {
    open: Box<Open>,
    database: RwLock<Option<Database>>,
    deferred: AtomicU32,
}

impl Reopened {
    pub(super) fn new(open: Box<Open>) -> Result<Self, OpenError> {
        let database = RwLock::new(Some(open()?));
        Ok(Self { open, database, deferred: AtomicU32::new(0) })
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
            Some(database) => work(database),
            None => Err(redb::StorageError::PreviousIo.into()),
        };
        if result.as_ref().is_err_and(Failure::is_permanent) {
            self.close();
        }
        result
    }

    fn open_if_closed(&self) -> Result<(), Failure> {
        if self.database.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            *database = Some((self.open)()?);
        }
        Ok(())
    }

    fn close(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
