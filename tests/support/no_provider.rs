//! Provider for checks that must not call it
#![expect(clippy::panic, reason = "a call is a defect of the test")]

use foregate::flow::ports::{
    AuthenticationRequest, CodeExchange, ExchangeError, IdentityProvider, LogoutToken, LogoutTokenError,
    ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, SignedIn, WrongIssuer,
};
use foregate::secret::Secret;
use futures_util::future::BoxFuture;
use url::Url;

/// A provider that panics on every call to an endpoint.
pub(crate) struct NoProvider;

impl IdentityProvider for NoProvider {
    fn first_answer(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn authentication_url(&self, _: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        panic!("the provider must not be called")
    }

    fn check_response_issuer(&self, _: Option<&str>) -> Result<(), WrongIssuer> {
        panic!("the provider must not be called")
    }

    fn exchange<'a>(&'a self, _: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        panic!("the provider must not be called")
    }

    fn refresh<'a>(&'a self, _: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        panic!("the provider must not be called")
    }

    fn revoke<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        panic!("the provider must not be called")
    }

    fn end_session<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<(), RefreshError>> {
        panic!("nothing under test ends a session at the provider")
    }

    fn logout_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        panic!("the provider must not be called")
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        None
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
}
