//! Why an operation of the store failed

use std::fmt::{self, Display, Formatter};

use redis::RedisError;

use crate::session::records::RowError;

/// The code of the error of a server without memory for a new key.
pub(super) const OUT_OF_MEMORY: &str = "OOM";

/// Why an operation failed.
pub(super) enum Failure {
    Redis(RedisError),
    Unreadable,
    /// The server has replicas, and none of them has the write.
    NotReplicated,
}

impl Failure {
    /// Returns whether the server has no more memory for a new key.
    pub(super) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code() == Some(OUT_OF_MEMORY))
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<RowError> for Failure {
    fn from(_: RowError) -> Self {
        Self::Unreadable
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(error) => write!(formatter, "{error}"),
            Self::NotReplicated => formatter
                .write_str("no replica confirmed a write; see master_link_status in INFO of the replicas"),
            Self::Unreadable => formatter.write_str("a record cannot be read"),
        }
    }
}
