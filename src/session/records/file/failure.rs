//! Why the file cannot be used, and what a write changed

use thiserror::Error;

use crate::session::records::RowError;

/// Why a file cannot be the store.
///
/// The text does not name the file. The caller knows which setting named it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A process has it open, perhaps this one.
    #[error("another process uses it; a file store serves one process")]
    InUse,
    /// The system refuses to read and write it.
    #[error("this process has no permission to read and write it")]
    Denied,
    /// Its directory does not exist.
    #[error("its directory does not exist")]
    NoDirectory,
    /// It was not written by a gateway.
    #[error("it is not a session store; name a file that does not exist yet")]
    NotAStore,
    /// A version with other tables wrote it.
    #[error("another version wrote it; remove the file to begin with no sessions")]
    OtherVersion,
    /// It is damaged.
    #[error("it is damaged; remove the file to begin with no sessions ({0})")]
    Damaged(String),
    /// Another reason.
    #[error("it cannot be opened: {0}")]
    Unusable(String),
}

/// Why a transaction failed.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Database(redb::Error),
    #[error("{0}")]
    Row(#[from] RowError),
    #[error("its file was closed after a failure, and could not be opened again: {0}")]
    Closed(#[from] OpenError),
}

macro_rules! failure_from {
    ($($error:ident),*) => {
        $(
            impl From<redb::$error> for Failure {
                fn from(error: redb::$error) -> Self {
                    Self::Database(error.into())
                }
            }
        )*
    };
}
failure_from!(StorageError, TableError, TransactionError, CommitError, SetDurabilityError);

impl Failure {
    /// Returns whether the database refuses every later call.
    pub(super) fn is_permanent(&self) -> bool {
        use redb::Error::{DatabaseClosed, Io, LockPoisoned, PreviousIo};
        matches!(self, Self::Database(Io(_) | PreviousIo | DatabaseClosed | LockPoisoned(_)))
    }
}

/// What a write changed.
pub(super) enum Written {
    /// Nothing.
    Nothing,
    /// What may be lost: a new `active_at` costs a user at most an earlier end of an idle session.
    ActiveAt,
    /// What must survive.
    Everything,
}
