//! The port to the list of a user's own sessions
//!
//! Only a store that keeps a record of each session has it.

use std::net::IpAddr;

use futures_util::future::BoxFuture;

use super::UnixTime;
use super::sessions::{SessionRequest, StoreUnavailable};

/// A session of the user, as the list shows it. It contains no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Identifies the session in [`SessionLists::end_listed`], only for the session that the list was shown to. Empty in
    /// a list for the operator.
    pub id: String,
    /// Browser and system, as a short text of the gateway.
    pub device: String,
    /// The host that the user signed in at, or empty if it is not known.
    pub host: String,
    /// The address of the browser at the sign-in, if known.
    pub address: Option<IpAddr>,
    /// When the session began.
    pub began_at: UnixTime,
    /// When the user was last known to be active. The user may have been active for some minutes since.
    pub active_at: UnixTime,
    /// Whether it is the session of the request.
    pub is_current: bool,
}

/// The sessions to end. The session of the request is never one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with this id.
    One(&'a str),
    /// All of the user.
    AllOthers,
}

/// Sessions of one user that were ended together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedOthers {
    /// `sub` of the user.
    pub subject: String,
    /// Their number.
    pub sessions: usize,
}

/// The list of a user's own sessions.
pub trait SessionLists: Send + Sync {
    /// Returns the sessions of the user of a request: its own session first, and then the others by their last use.
    /// Returns none if the request has no session.
    fn list<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<ListedSession>, StoreUnavailable>>;

    /// Ends other sessions of the user of a request. Returns how many it ended.
    ///
    /// If it fails, it may have ended some of them.
    fn end_listed<'a>(
        &'a self,
        request: SessionRequest<'a>,
        which: Which<'a>,
    ) -> BoxFuture<'a, Result<usize, StoreUnavailable>>;

    /// Returns the sessions of a user of the first issuer, by their last use. `subject` is `sub`.
    fn list_of<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<ListedSession>, StoreUnavailable>>;

    /// Ends all sessions of a user of the first issuer. Returns how many it ended.
    ///
    /// If it fails, it may have ended some of them.
    fn end_of<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<usize, StoreUnavailable>>;
}
