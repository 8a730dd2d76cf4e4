//! Why an operation of the store failed

use std::fmt::{self, Display, Formatter};

use redis::RedisError;

use crate::session::records::RowError;

/// Why an operation failed.
pub(super) enum Failure {
    Redis(RedisError),
    Unreadable,
}

impl Failure {
    /// Returns whether the server has no more memory for a new key.
    pub(super) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code() == Some("OOM"))
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
            Self::Unreadable => formatter.write_str("a record cannot be read"),
        }
    }
}
