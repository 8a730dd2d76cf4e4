//! Plain values that the registry exchanges with its callers

use std::time::Duration;

use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{SessionId, UnixTime};

/// The properties of a session that the registry records.
#[derive(Clone, Copy)]
pub(in crate::session) struct Listed<'a> {
    /// The session's id.
    pub(in crate::session) id: SessionId,
    /// The generation of the cookie.
    pub(in crate::session) generation: u64,
    /// `sub`.
    pub(in crate::session) subject: &'a str,
    /// When the last of its cookies expires.
    pub(in crate::session) ends_at: UnixTime,
    /// When the user was last active, according to the cookie.
    pub(in crate::session) active_at: UnixTime,
    /// The verdicts about the user, if a refresh made new ones.
    pub(in crate::session) policies: Option<PolicyVerdicts>,
}

/// Whether the newest refresh token may be sent to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum RefreshLease {
    /// Yes, by the first caller that acquires the lease.
    Available,
    /// No, a caller holds the lease.
    Held,
    /// No, not before this time.
    RetryAt(UnixTime),
    /// Never again, because it may have been used.
    TokenSpent,
}

impl RefreshLease {
    /// Returns whether a caller may acquire it.
    pub(in crate::session) fn is_available(self, now: UnixTime) -> bool {
        match self {
            Self::Available => true,
            Self::RetryAt(then) => then <= now,
            Self::Held | Self::TokenSpent => false,
        }
    }
}

/// The circumstances in which a cookie was presented.
#[derive(Clone, Copy)]
pub(in crate::session) struct Presentation {
    /// The time of the request.
    pub(in crate::session) now: UnixTime,
    /// Whether the request shows that the user is active.
    pub(in crate::session) active: bool,
    /// The idle timeout, if there is one.
    pub(in crate::session) idle: Option<Duration>,
    /// The lease of the cookie's generation, if the registry does not know it.
    pub(in crate::session) unknown_lease: RefreshLease,
}

/// Whether the previous generation reached the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Delivery {
    /// No failure is known: the browser presented it, or had no time to.
    NoFailure,
    /// Responses carried it, and the browser still presents an older one.
    Failed,
}
