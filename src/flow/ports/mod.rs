//! What does a flow need of the world?
//!
//! Time, randomness, the provider and the stores are arguments: a flow can be run in a test without any of them being
//! real.

mod markers;
mod provider;
mod session;
mod sessions;

use std::time::Duration;

use thiserror::Error;

pub use self::markers::{LoginTransaction, LoopMarker, Markers, ReloadCount};
pub use self::provider::{
    Account, Authentication, AuthenticationRequest, CodeExchange, ExchangeError, IdentityProvider,
    IssuerIndex, LogoutToken, LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError,
    RefreshRequest, Refreshed, RefreshedIdToken, SignedIn, TokenSet, Whom, WrongIssuer,
};
pub use self::session::{Lease, Refreshable, Session, SessionId, Workspace, WorkspaceParts};
pub use self::sessions::{
    Absence, BeginError, Commit, EndedSession, Found, Full, LogoutEffect, Lookup, NewSession, OpenResult,
    Opened, Release, SessionRequest, SessionState, Sessions, StoreUnavailable,
};

/// Seconds since 1970-01-01T00:00:00Z, the unit of every time in a token (RFC 7519 §2, NumericDate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Later by a duration, in whole seconds.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// The whole seconds from `earlier` until this time; none if it lies ahead.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixTime;
}

/// Where randomness comes from.
pub trait Entropy: Send + Sync {
    /// Fills the buffer from a cryptographically secure source; fails only if the system has none to give.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system gave no randomness: nothing may be sealed or started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gave no randomness")]
pub struct NoEntropy;
