//! A provider that nobody asks.
#![expect(clippy::panic, reason = "whoever asks it has a mistake")]

use foregate::flow::ports::{
    AuthenticationRequest, CodeExchange, ExchangeError, IdentityProvider, LogoutToken, LogoutTokenError,
    ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, SignedIn, WrongIssuer,
};
use foregate::secret::Secret;
use futures_util::future::BoxFuture;
use url::Url;

/// Whoever asks it has made a mistake.
pub(crate) struct NoProvider;

impl IdentityProvider for NoProvider {
    fn authentication_url(&self, _: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        panic!("nobody is asked")
    }

    fn check_response_issuer(&self, _: Option<&str>) -> Result<(), WrongIssuer> {
        panic!("nobody is asked")
    }

    fn exchange<'a>(&'a self, _: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        panic!("nobody is asked")
    }

    fn refresh<'a>(&'a self, _: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        panic!("nobody is asked")
    }

    fn revoke<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        panic!("nobody is asked")
    }

    fn logout_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        panic!("nobody is asked")
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        None
    }

    fn state(&self) -> ProviderState {
        ProviderState::Ready
    }
}
