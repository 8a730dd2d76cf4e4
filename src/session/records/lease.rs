//! Lease of a refresh, and the rules for its holders
//!
//! 1. The lease is recorded before the refresh token is sent. So a lease that expired without a result counts as one
//!    whose token was sent. It is taken over, but its token is not sent again.
//! 2. The holder renews the lease while its exchange runs. So it expires soon after a holder was killed.
//! 3. A holder that was stopped may return with new tokens after its lease was taken over. They are accepted if the
//!    session has no newer ones, and no other holder is about to get some.

use serde::{Deserialize, Serialize};

use crate::flow::ports::UnixTime;

/// Who may refresh a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeaseState {
    /// Any process.
    Available,
    /// No process before this time, in seconds since 1970.
    RetryAt(u64),
    /// One holder.
    Held {
        /// The holder.
        by: Holder,
        /// When another process may take the lease over, in seconds since 1970.
        until: u64,
    },
    /// No process: the refresh token may be spent.
    TokenSpent,
}

/// The holder of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The random number of the process.
    pub process: u64,
    /// The number of the lease in this process.
    pub fence: u64,
}

/// A lease that was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The new state of the lease.
    pub lease: LeaseState,
    /// Whether an earlier holder did not return it. That holder may have sent the refresh token.
    pub is_takeover: bool,
}

/// What becomes of new tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultVerdict {
    /// They are those of the session.
    Accepted,
    /// The session does not use them.
    Refused,
    /// That depends on the process that took the lease over, and has not returned it.
    Undecided,
}

impl LeaseState {
    /// Acquires the lease until a time. Returns `None` if no process may refresh the session, or another one does.
    ///
    /// `is_exclusive` is whether no other process uses the store: a lease of another one is then of an earlier run.
    pub fn acquire(
        self,
        by: Holder,
        (now, until): (UnixTime, UnixTime),
        is_exclusive: bool,
    ) -> Option<Acquired> {
        let is_takeover = match self {
            Self::Available => false,
            Self::RetryAt(then) if then <= now.0 => false,
            Self::Held { .. } if self.is_abandoned(by.process, now, is_exclusive) => true,
            Self::RetryAt(_) | Self::Held { .. } | Self::TokenSpent => return None,
        };
        Some(Acquired { lease: Self::Held { by, until: until.0 }, is_takeover })
    }

    /// Returns whether the holder of the lease did not return it, as another process sees it.
    pub fn is_abandoned(self, process: u64, now: UnixTime, is_exclusive: bool) -> bool {
        match self {
            Self::Held { by, until } => until <= now.0 || (is_exclusive && by.process != process),
            Self::Available | Self::RetryAt(_) | Self::TokenSpent => false,
        }
    }

    /// Returns whether this holder has the lease. Only then may it renew the lease, or return it without new tokens.
    pub fn is_held_by(self, holder: Holder) -> bool {
        matches!(self, Self::Held { by, .. } if by == holder)
    }

    /// Returns whether new tokens of a holder become those of the session. `is_newest` is whether the session still has
    /// the tokens that it had when the lease was acquired.
    ///
    /// The holder may have lost the lease. But a holder that returned its lease said that there are no new tokens.
    pub fn judge_result(self, (holder, now): (Holder, UnixTime), is_newest: bool) -> ResultVerdict {
        match self {
            _ if !is_newest => ResultVerdict::Refused,
            Self::Available | Self::RetryAt(_) => ResultVerdict::Refused,
            Self::TokenSpent => ResultVerdict::Accepted,
            Self::Held { by, until } if by == holder || until <= now.0 => ResultVerdict::Accepted,
            Self::Held { .. } => ResultVerdict::Undecided,
        }
    }
}
