//! The ports of flows: time, random bytes, the provider and the stores
//!
//! Each port is an argument of the flows, so that a test can run a flow with fakes only.

mod authentication;
mod markers;
mod provider;
mod session;
mod sessions;

use std::time::Duration;

use thiserror::Error;

pub use self::authentication::{Account, Authentication, AuthenticationRequest};
pub use self::markers::{LoginTransaction, LoopMarker, Markers, ReloadCount};
pub use self::provider::{
    ClaimSize, CodeExchange, ExchangeError, IdentityProvider, IssuerIndex, LogoutToken, LogoutTokenError,
    ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, RefreshedIdToken, SignedIn,
    TokenSet, Whom, WrongIssuer,
};
pub use self::session::{Lease, Refreshable, Session, SessionId, Workspace, WorkspaceParts};
pub use self::sessions::{
    Absence, BeginError, Commit, EndedSession, Found, Full, LogoutEffect, Lookup, NewSession, OpenResult,
    Opened, Release, SessionRequest, SessionState, Sessions, Standing, StoreUnavailable,
};

/// Seconds since 1970-01-01T00:00:00Z, the unit of every time in a token (RFC 7519 §2, NumericDate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Returns the time that is later by a duration, in whole seconds.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// Returns whether this time is less than `age` ago. A later time is one before the clock was set back.
    pub fn is_within(self, age: Duration, now: Self) -> bool {
        self <= now && now < self.plus(age)
    }

    /// Returns the whole seconds from `earlier` until this time; 0 if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The source of the time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> UnixTime;
}

/// The source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer from a cryptographically secure source. Fails only if the system returns no random bytes.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system returned no random bytes, so that nothing may be sealed or started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the operating system returned no random bytes")]
pub struct NoEntropy;
