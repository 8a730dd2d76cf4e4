//! Session records of ticket stores
//!
//! A store keeps one [`Row`] for each session. It can read its times and its lease, but not the session itself.
//!
//! 1. Each write names the revision that it replaces. So two writers never overwrite each other, and a session that was
//!    ended is never written again.
//! 2. `create` fails if the id exists. It never changes the id.
//! 3. [`Records::end_by`] deletes the sessions of a tag, and refuses sessions of that tag whose ID token is not newer.

#[cfg(test)]
#[path = "../../../tests/support/records_contract/mod.rs"]
mod contract;
pub mod file;
mod index;
mod lease;
pub mod memory;
pub mod redis;
mod row;
pub mod single;
mod tower;

use futures_util::future::BoxFuture;
use thiserror::Error;
use tower_sessions_core::SessionStore;

pub use self::lease::{Acquired, Holder, LeaseState, ResultVerdict};
pub use self::memory::MemoryRecords;
pub use self::row::{RecordId, Row, RowError, Tag};
pub use self::single::Single;
#[cfg(test)]
use crate::flow::ports::Clock;
use crate::flow::ports::UnixTime;

/// The store does not answer, or what it returned cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the session store failed: {0}")]
pub struct RecordsError(pub String);

/// The result of [`Records::insert`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The row is stored.
    Stored,
    /// A row with this id exists.
    Collision,
    /// The provider ended this session before it began here.
    Ended,
    /// The user has too many sessions.
    UserFull,
    /// The store has too many sessions.
    Full,
}

/// How safe a write must be before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The server that answers has it.
    Once,
    /// It survives the loss of that server: if the server has replicas, one of them has it too. Otherwise, the write
    /// fails, although it may have been stored.
    Replicated,
}

/// The result of [`Records::compare_and_swap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// The row is stored.
    Stored,
    /// Another write came first.
    Changed,
    /// There is no such row any more.
    Gone,
}

/// The limits of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// All sessions.
    pub sessions: usize,
    /// The sessions of one user.
    pub per_user: usize,
}

/// The sessions that the provider ended (OpenID Connect Back-Channel Logout §2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedBy {
    /// The tags of the `sid` or the `sub`, one for each session key.
    pub tags: Vec<Tag>,
    /// Which sessions of the tags.
    pub scope: Scope,
    /// When the logout token first arrived, by our clock. `None` if that is not known.
    pub arrived_at: Option<UnixTime>,
    /// `iat` of the logout token, by the provider's clock. A sign-in with a later ID token may begin.
    pub issued_at: UnixTime,
    /// Until when a sign-in of an earlier ID token may still begin.
    pub refused_until: UnixTime,
}

/// Which sessions of a tag are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every session, and sign-ins that are in progress.
    Every,
    /// The sessions without a `sid`: the logout token may mean one of them.
    WithoutSid,
}

impl EndedBy {
    /// Returns whether a session with these times ends: it began before the token arrived, or its ID token is not newer.
    ///
    /// Each time is compared with one of the same clock, because the provider's clock may differ from ours.
    pub fn ends(&self, has_sid: bool, began_at: u64, issued_at: u64) -> bool {
        if has_sid && self.scope == Scope::WithoutSid {
            return false;
        }
        self.arrived_at.is_some_and(|arrived_at| began_at <= arrived_at.0) || issued_at <= self.issued_at.0
    }

    /// Returns whether a row has one of the tags, and its session ends.
    pub fn ends_row(&self, row: &Row) -> bool {
        row.tags().any(|tag| self.tags.contains(&tag))
            && self.ends(row.sid.is_some(), row.began_at, row.issued_at)
    }
}

/// A change of a record, by any process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The record.
    pub id: RecordId,
    /// Its new revision, or `None` if it was deleted.
    pub revision: Option<u64>,
}

/// A store of session records.
///
/// It is also a session store of tower-sessions, so that its programs can read and delete the records.
pub trait Records: SessionStore {
    /// Stores the row of a new session.
    fn insert<'a>(&'a self, row: &'a Row, now: UnixTime) -> BoxFuture<'a, Result<Inserted, RecordsError>>;

    /// Returns a row. A row that has expired may be returned or not.
    fn find(&self, id: RecordId) -> BoxFuture<'_, Result<Option<Row>, RecordsError>>;

    /// Replaces the row that has the revision `replaced`. The user, the `sid`, `began_at` and `issued_at` of a row never
    /// change.
    fn compare_and_swap<'a>(
        &'a self,
        replaced: u64,
        row: &'a Row,
        kept: Kept,
    ) -> BoxFuture<'a, Result<Swapped, RecordsError>>;

    /// Deletes a row, whatever its revision, as [`Kept::Replicated`]. Returns whether there was one.
    fn remove(&self, id: RecordId) -> BoxFuture<'_, Result<bool, RecordsError>>;

    /// Ends the sessions of the tags, as [`Kept::Replicated`]. Returns their ids.
    fn end_by<'a>(&'a self, ended: &'a EndedBy) -> BoxFuture<'a, Result<Vec<RecordId>, RecordsError>>;

    /// Returns the rows of a user that have not expired.
    fn of_user<'a>(
        &'a self,
        subject: &'a [Tag],
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Row>, RecordsError>>;

    /// Returns when a logout token first arrived at any process: now, unless it arrived before. The store remembers it
    /// until a time. A store of one process leaves that to its caller.
    fn first_arrival(
        &self,
        _token: Tag,
        now: UnixTime,
        _until: UnixTime,
    ) -> BoxFuture<'_, Result<UnixTime, RecordsError>> {
        Box::pin(std::future::ready(Ok(now)))
    }

    /// Passes on the changes of other processes, and never returns. A store of one process has none.
    fn follow<'a>(&'a self, _changed: &'a (dyn Fn(Changed) + Send + Sync)) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }

    /// Returns the number of rows, expired ones included, or `None` if the store does not count them.
    fn count(&self) -> BoxFuture<'_, Result<Option<usize>, RecordsError>>;
}
