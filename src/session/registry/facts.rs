//! What the registry exchanges with its callers about a session, a cookie and a delivery

use std::time::Duration;

use crate::flow::ports::{SessionId, UnixTime};

/// A session, as far as the registry knows it.
#[derive(Clone, Copy)]
pub(in crate::session) struct Listed<'a> {
    /// Which session.
    pub(in crate::session) id: SessionId,
    /// Which of its generations.
    pub(in crate::session) generation: u64,
    /// `sub`.
    pub(in crate::session) subject: &'a str,
    /// When no cookie of it can be used any more.
    pub(in crate::session) ends_at: UnixTime,
    /// When the user was active, as far as its cookie knows.
    pub(in crate::session) active_at: UnixTime,
}

/// Whether the newest refresh token may be sent to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum RefreshLease {
    /// To the first caller.
    Available,
    /// A caller has the lease.
    Held,
    /// Not before this time.
    RetryAt(UnixTime),
    /// Never again: it may have been used.
    TokenSpent,
}

/// How a cookie was presented.
#[derive(Clone, Copy)]
pub(in crate::session) struct Presentation {
    /// When.
    pub(in crate::session) now: UnixTime,
    /// Whether it shows that the user is there.
    pub(in crate::session) active: bool,
    /// How long a session lives without activity.
    pub(in crate::session) idle: Option<Duration>,
    /// Whether its refresh token may be sent, if the registry does not know its generation.
    pub(in crate::session) unknown_lease: RefreshLease,
}

/// What became of the generation before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Delivery {
    /// The browser has presented it, or there was no time to.
    Fine,
    /// It was offered again and again, and the browser still presents an older one.
    InVain,
}
