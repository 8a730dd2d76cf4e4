//! Back-channel logout: the provider ends sessions (OpenID Connect Back-Channel Logout 1.0)
//!
//! 1. The token is verified by the provider's keys (§2.6).
//! 2. It never fails for lack of room: providers do not repeat the request, so a refusal would keep a session alive.
//! 3. A token that names no session here succeeds: what should have ended has ended.
//! 4. A replay succeeds too, and ends no session that began after the token first arrived.

use std::sync::Arc;

use thiserror::Error;

use super::audit::BackchannelOutcome;
use super::ports::{
    Clock, IdentityProvider, LogoutEffect, LogoutTokenError, Sessions, StoreUnavailable, Whom,
};

/// Ends sessions for the provider.
pub struct Backchannel {
    /// Verifies logout tokens.
    pub provider: Arc<dyn IdentityProvider>,
    /// Where sessions live.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a logout token did.
#[derive(Debug, PartialEq, Eq)]
pub struct ProviderLogout {
    /// Whose sessions it names.
    pub whom: Whom,
    /// What becomes of them.
    pub effect: LogoutEffect,
}

/// Why no session was ended.
#[derive(Debug, Error)]
pub enum BackchannelError {
    /// The request holds no logout token, more than one, or is no form; says which.
    #[error("the request is not acceptable: {0}")]
    Malformed(&'static str),
    /// The token breaks a rule; the text says which.
    #[error("{0}")]
    NotAcceptable(String),
    /// Nothing can be verified now.
    #[error("{0}")]
    ProviderUnavailable(String),
    /// Nothing can be recorded now.
    #[error(transparent)]
    StoreUnavailable(#[from] StoreUnavailable),
}

impl Backchannel {
    /// Ends the sessions that a logout token names.
    pub async fn end_sessions(&self, token: &str) -> Result<ProviderLogout, BackchannelError> {
        let token = self.provider.logout_token(token).await?;
        let effect = self.sessions.end_by(&token, self.clock.now()).await?;
        Ok(ProviderLogout { whom: token.whom, effect })
    }
}

impl From<LogoutTokenError> for BackchannelError {
    fn from(error: LogoutTokenError) -> Self {
        let text = error.to_string();
        match error {
            LogoutTokenError::ProviderUnavailable(_) => Self::ProviderUnavailable(text),
            LogoutTokenError::NotAcceptable(_) => Self::NotAcceptable(text),
        }
    }
}

impl From<&Result<ProviderLogout, BackchannelError>> for BackchannelOutcome {
    fn from(ended: &Result<ProviderLogout, BackchannelError>) -> Self {
        match ended {
            Ok(ProviderLogout { effect: LogoutEffect::Ended, .. }) => Self::Ended,
            Ok(ProviderLogout { effect: LogoutEffect::MustRefresh, .. }) => Self::MustRefresh,
            Err(BackchannelError::Malformed(_)) => Self::Malformed,
            Err(BackchannelError::NotAcceptable(_)) => Self::NotAcceptable,
            Err(BackchannelError::ProviderUnavailable(_)) => Self::ProviderUnavailable,
            Err(BackchannelError::StoreUnavailable(_)) => Self::StoreUnavailable,
        }
    }
}

#[cfg(test)]
mod tests;
