//! Every store of records as a store of tower-sessions
//!
//! A record that no gateway wrote is an error. So a program of tower-sessions can delete sessions, but cannot make one.

use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result};

use super::{Inserted, Kept, RecordId, Records, RecordsError, Row, RowError, Swapped};
use crate::flow::ports::UnixTime;

impl From<RecordsError> for Error {
    fn from(error: RecordsError) -> Self {
        Self::Backend(error.to_string())
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        Self::Decode(error.to_string())
    }
}

/// Stores a new record. Fails if its id exists.
pub(super) async fn create(store: &impl Records, record: &Record, now: UnixTime) -> Result<()> {
    let refused = match store.insert(&Row::from_record(record)?, now).await? {
        Inserted::Stored => return Ok(()),
        Inserted::Collision => "a record with this id exists",
        Inserted::Ended => "the provider ended this session",
        Inserted::UserFull => "the user has too many sessions",
        Inserted::Full => "the store has too many sessions",
    };
    Err(Error::Backend(refused.to_owned()))
}

/// Replaces a record. Fails unless its row is the next revision.
pub(super) async fn save(store: &impl Records, record: &Record) -> Result<()> {
    let row = Row::from_record(record)?;
    let replaced = row.revision.saturating_sub(1);
    let refused = match store.compare_and_swap(replaced, &row, Kept::Once).await? {
        Swapped::Stored => return Ok(()),
        Swapped::Changed => "another write came first",
        Swapped::Gone => "there is no such record",
    };
    Err(Error::Backend(refused.to_owned()))
}

/// Returns a record that has not expired.
pub(super) async fn load(store: &impl Records, id: Id, now: UnixTime) -> Result<Option<Record>> {
    let row = store.find(RecordId::from_tower(id)).await?.filter(|row| !row.is_over(now));
    Ok(row.as_ref().map(Row::to_record).transpose()?)
}

/// Deletes a record, if it exists.
pub(super) async fn delete(store: &impl Records, id: Id) -> Result<()> {
    store.remove(RecordId::from_tower(id)).await?;
    Ok(())
}

/// Implements `SessionStore` for a store with a field `clock`, and perhaps with a type parameter.
macro_rules! session_store {
    ($store:ty $(, $parameter:ident)?) => {
        #[async_trait::async_trait]
        impl$(<$parameter: tower_sessions_core::SessionStore>)? tower_sessions_core::SessionStore for $store {
            async fn create(
                &self,
                record: &mut tower_sessions_core::session::Record,
            ) -> tower_sessions_core::session_store::Result<()> {
                $crate::session::records::tower::create(self, record, self.clock.now()).await
            }

            async fn save(
                &self,
                record: &tower_sessions_core::session::Record,
            ) -> tower_sessions_core::session_store::Result<()> {
                $crate::session::records::tower::save(self, record).await
            }

            async fn load(
                &self,
                id: &tower_sessions_core::session::Id,
            ) -> tower_sessions_core::session_store::Result<Option<tower_sessions_core::session::Record>>
            {
                $crate::session::records::tower::load(self, *id, self.clock.now()).await
            }

            async fn delete(
                &self,
                id: &tower_sessions_core::session::Id,
            ) -> tower_sessions_core::session_store::Result<()> {
                $crate::session::records::tower::delete(self, *id).await
            }
        }
    };
}

pub(super) use session_store;
