//! The ports of flows: time, random bytes, the provider and the stores
//!
//! Each port is an argument of the flows, so that a test can run a flow with fakes only.

mod authentication;
mod markers;
mod provider;
mod session;
mod session_lists;
mod sessions;
mod time;

use thiserror::Error;

pub use self::authentication::{Account, Authentication, AuthenticationRequest, RECENT_AUTHENTICATION};
pub use self::markers::{LoginTransaction, LoopMarker, Markers, ReloadCount};
pub use self::provider::{
    ClaimSize, CodeExchange, ExchangeError, IdentityProvider, IssuerIndex, LogoutToken, LogoutTokenError,
    ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, RefreshedIdToken, SignedIn,
    TokenSet, Whom, WrongIssuer,
};
pub use self::session::{Lease, Refreshable, Session, SessionId, Workspace, WorkspaceParts};
pub use self::session_lists::{EndedOthers, ListedSession, SessionLists, Which};
pub use self::sessions::{
    Absence, BeginError, Commit, EndedSession, Found, Full, LogoutEffect, Lookup, NewSession, OpenResult,
    Opened, Release, SessionRequest, SessionState, Sessions, Standing, StoreUnavailable,
};
pub use self::time::UnixTime;

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
