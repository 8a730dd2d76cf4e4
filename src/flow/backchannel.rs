//! Sessions that the provider ends (OpenID Connect Back-Channel Logout 1.0)
//!
//! 1. The logout token is verified with the provider's keys (§2.6).
//! 2. A valid token is never refused because a table is full. Providers do not repeat the request, so the session would
//!    continue.
//! 3. A token that names no session of this gateway succeeds, because the session has ended already.
//! 4. A replay succeeds too. It ends no session that began after the token first arrived.

use std::sync::Arc;

use thiserror::Error;

use super::audit::BackchannelOutcome;
use super::ports::{
    Clock, IdentityProvider, LogoutEffect, LogoutTokenError, Sessions, StoreUnavailable, Whom,
};

/// Ends sessions on request of the provider.
pub struct Backchannel {
    /// Verifies logout tokens.
    pub provider: Arc<dyn IdentityProvider>,
    /// Ends the gateway's sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// The result of an accepted logout token.
#[derive(Debug, PartialEq, Eq)]
pub struct ProviderLogout {
    /// The sessions that it names.
    pub whom: Whom,
    /// The effect on these sessions.
    pub effect: LogoutEffect,
}

/// Why no session was ended.
#[derive(Debug, Error)]
pub enum BackchannelError {
    /// The request has no logout token, has more than one, or is not a form; the text says which.
    #[error("the request is not acceptable: {0}")]
    Malformed(&'static str),
    /// The token breaks a rule; the text says which.
    #[error("{0}")]
    NotAcceptable(String),
    /// No token can be verified now.
    #[error("{0}")]
    ProviderUnavailable(String),
    /// The logout cannot be recorded now.
    #[error(transparent)]
    StoreUnavailable(#[from] StoreUnavailable),
}

impl Backchannel {
    /// Verifies a logout token, and ends the sessions that it names.
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
