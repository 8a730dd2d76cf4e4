//! A provider that only refreshes tokens

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use foregate::access::claims::Claim;
use foregate::flow::ports::{
    AuthenticationRequest, Clock, CodeExchange, ExchangeError, IdentityProvider, LogoutToken,
    LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, SignedIn,
    UnixTime, WrongIssuer,
};
use foregate::secret::Secret;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use url::Url;

use super::fixture::{NOW, new_tokens};

/// A clock that only the test sets.
pub(crate) struct SetClock(AtomicU64);

impl SetClock {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(NOW.0))
    }

    /// Sets the time, in seconds after [`NOW`].
    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(NOW.0 + seconds, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// A provider that returns new tokens for each refresh token.
pub(crate) struct RefreshingProvider {
    pub(crate) clock: Arc<SetClock>,
    /// The refresh tokens that were sent.
    pub(crate) received: Mutex<Vec<String>>,
    /// Runs while a refresh is in flight.
    pub(crate) meanwhile: Box<dyn Fn() + Send + Sync>,
}

impl IdentityProvider for RefreshingProvider {
    fn refresh<'a>(&'a self, request: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        async move {
            self.received.lock().unwrap().push(request.refresh_token.expose().to_owned());
            tokio::task::yield_now().await;
            (self.meanwhile)();
            let mut new = new_tokens(self.clock.now().seconds_since(NOW));
            let claims = [("preferred_username", "alice"), ("groups", "dev")];
            let claims = claims.map(|(name, text)| (name.to_owned(), Claim::Text(text.to_owned())));
            if let Some(id_token) = &mut new.id_token {
                id_token.claims = claims.into();
            }
            Ok(new)
        }
        .boxed()
    }

    fn state(&self) -> ProviderState {
        ProviderState::Ready
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn answers(&self) -> bool {
        true
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        None
    }

    fn first_answer(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn authentication_url(&self, _: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        panic!("a check sends no user to the provider")
    }

    fn check_response_issuer(&self, _: Option<&str>) -> Result<(), WrongIssuer> {
        panic!("a check has no authorization response")
    }

    fn exchange<'a>(&'a self, _: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        panic!("a check has no code")
    }

    fn revoke<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        panic!("a check revokes no token")
    }

    fn end_session<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<(), RefreshError>> {
        panic!("nothing under test ends a session at the provider")
    }

    fn logout_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        panic!("a check has no logout token")
    }
}
