//! How does a session end because the provider says so? (OpenID Connect Back-Channel Logout 1.0)
//!
//! 1. The token is verified by the provider's keys (§2.6).
//! 2. It counts once: its `jti` is kept as long as the token could be believed.
//! 3. That nobody of that name is signed in here is a success: what should be over is over.

mod seen;

use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use self::seen::{NotNew, Seen};
use super::audit::BackchannelOutcome;
use super::ports::{
    Clock, IdentityProvider, LogoutToken, LogoutTokenError, SessionStore, TooManyEnded, UnixTime, Whom,
};

/// Ends sessions in the provider's name.
pub struct Backchannel {
    provider: Arc<dyn IdentityProvider>,
    sessions: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// Why nothing was ended.
#[derive(Debug, Error)]
pub enum BackchannelError {
    /// The request holds no logout token, more than one, or is no form; says which.
    #[error("the request is not acceptable: {0}")]
    Malformed(&'static str),
    /// The token breaks a rule; the text says which.
    #[error("{0}")]
    NotAcceptable(String),
    /// The token came before.
    #[error("the logout token came before (jti)")]
    Replayed,
    /// Nothing can be verified now.
    #[error("{0}")]
    ProviderUnavailable(String),
    /// More logout tokens came than can be told apart.
    #[error("more logout tokens came than can be remembered")]
    TooManyTokens,
    /// More was ended than can be remembered.
    #[error(transparent)]
    TooManyEnded(#[from] TooManyEnded),
}

impl Backchannel {
    /// Nothing has come yet.
    pub fn new(
        provider: Arc<dyn IdentityProvider>,
        sessions: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { provider, sessions, clock, seen: Mutex::default() }
    }

    /// Ends what a logout token names: whose sessions those are.
    pub async fn end(&self, token: &str) -> Result<Whom, BackchannelError> {
        let verified = self.provider.logout_token(token).await?;
        let now = self.clock.now();
        once(&self.seen, verified, now, |whom| self.sessions.end_by(whom, now))
    }
}

/// Ends by a verified token, unless it came before.
///
/// What comes twice at a time waits for the first: a token that ended nothing, as there was no room, may come again.
fn once(
    seen: &Mutex<Seen>,
    token: LogoutToken,
    now: UnixTime,
    end: impl FnOnce(&Whom) -> Result<(), TooManyEnded>,
) -> Result<Whom, BackchannelError> {
    // A panic elsewhere cannot leave a half-made change here.
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let place = seen.place(&token.token_id, token.expires_at, now)?;
    end(&token.whom)?;
    place.take();
    Ok(token.whom)
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

impl From<NotNew> for BackchannelError {
    fn from(error: NotNew) -> Self {
        match error {
            NotNew::Known => Self::Replayed,
            NotNew::TooLong => Self::NotAcceptable("the jti of the logout token is too long".to_owned()),
            NotNew::Full => Self::TooManyTokens,
        }
    }
}

impl From<&Result<Whom, BackchannelError>> for BackchannelOutcome {
    fn from(ended: &Result<Whom, BackchannelError>) -> Self {
        match ended {
            Ok(_) => Self::Ended,
            Err(BackchannelError::Malformed(_)) => Self::Malformed,
            Err(BackchannelError::NotAcceptable(_)) => Self::NotAcceptable,
            Err(BackchannelError::Replayed) => Self::Replayed,
            Err(BackchannelError::ProviderUnavailable(_)) => Self::ProviderUnavailable,
            Err(BackchannelError::TooManyTokens | BackchannelError::TooManyEnded(_)) => Self::Full,
        }
    }
}

#[cfg(test)]
mod tests;
