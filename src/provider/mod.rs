//! OpenID Provider client, the only module that uses openidconnect and reqwest

mod algorithm;
mod authentication;
mod authentication_request;
mod background;
mod client_assertion;
mod clock_watch;
mod endpoint;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod id_token;
mod json_object;
mod jws;
mod keys;
mod known;
mod logout_event;
mod logout_token;
mod metadata;
mod numeric_date;
mod refresh;
mod settings;
mod silence;
mod token_endpoint;
mod userinfo;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use url::Url;

pub use self::algorithm::Algorithm;
pub use self::client_assertion::{ClientKey, ClientKeyError};
use self::clock_watch::ClockWatch;
use self::http::Http;
use self::id_token::{Expectations, IdTokenError, Verified};
use self::jws::{JwsError, Kind, Signed};
use self::known::{KeyFetches, Known, LastKeyFetch};
use self::metadata::Metadata;
pub use self::settings::{ClientAuthentication, Endpoints, ProviderSettings};
use self::silence::Silence;
use crate::access::quoted::quoted;
use crate::flow::audit::{Audit, ProviderCall};
use crate::flow::ports::{
    AuthenticationRequest, Clock, CodeExchange, ExchangeError, IdentityProvider, LogoutToken,
    LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, SignedIn,
    TokenSet, WrongIssuer,
};
use crate::secret::Secret;
use crate::trust::{self, TrustError};

/// A client of the OpenID Provider, with its metadata and signing keys.
pub struct Provider {
    settings: ProviderSettings,
    /// Code exchanges, which users wait for.
    exchanges: Http,
    /// Refreshes have their own permits, so that a sign-in never waits behind them.
    refreshes: Http,
    /// Metadata and keys have their own permits, so that slow exchanges do not delay new keys.
    documents: Http,
    audit: Arc<dyn Audit>,
    clock: Arc<dyn Clock>,
    /// Read by every sign-in and replaced as a whole, so that metadata and keys always belong together.
    known: ArcSwapOption<Known>,
    /// The reason why the last load failed.
    last_error: ArcSwap<String>,
    key_fetches: KeyFetches,
    /// Whether it answers. When a call is not answered, the documents are loaded, to notice when the provider is back.
    silence: Arc<Silence>,
}

impl Provider {
    /// Creates a client without sending a request. [`Self::keep_fresh`] loads the metadata and keys.
    pub fn new(
        settings: ProviderSettings,
        audit: Arc<dyn Audit>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, TrustError> {
        let client = trust::client(settings.ca_pem.as_deref(), settings.timeout)?;
        let watch = Arc::new(ClockWatch::new(Arc::clone(&clock)));
        let silence = Arc::<Silence>::default();
        let http = |client| Http::new(client, settings.timeout, Arc::clone(&watch), Arc::clone(&silence));
        Ok(Arc::new(Self {
            exchanges: http(client.clone()),
            refreshes: http(client.clone()),
            documents: http(client),
            settings,
            audit,
            clock,
            known: ArcSwapOption::empty(),
            last_error: ArcSwap::from_pointee("it has not answered yet".to_owned()),
            key_fetches: KeyFetches::default(),
            silence,
        }))
    }

    fn last_error(&self) -> String {
        self.last_error.load().as_str().to_owned()
    }

    async fn exchange_code(&self, exchange: &CodeExchange<'_>) -> Result<SignedIn, ExchangeError> {
        let known =
            self.known.load_full().ok_or_else(|| ExchangeError::ProviderUnavailable(self.last_error()))?;
        let requested_at = self.clock.now();
        let endpoint = &known.metadata.token_endpoint;
        let call =
            token_endpoint::exchange(&self.exchanges, &self.settings, endpoint, requested_at, exchange);
        let tokens = self.audit_call(ProviderCall::CodeExchange, call, is_refusal).await?;
        let id_token =
            tokens.id_token.ok_or_else(|| ExchangeError::ProviderMisbehaved(NO_ID_TOKEN.to_owned()))?;
        let expected = self.expectations(Some(exchange.nonce.expose()), tokens.access_token.expose());
        let verified = self.verify_id_token(&known, id_token.expose(), &expected).await.map_err(classify)?;
        let access = &tokens.access_token;
        let verified = self.add_userinfo_claims(&self.exchanges, &known.metadata, access, verified).await?;
        let access_ends = tokens.expires_in.map(|lifetime| requested_at.plus(lifetime));
        let expires_at = access_ends.map_or(verified.expires_at, |end| end.min(verified.expires_at));
        // Accepted within the leeway, or issued with no lifetime: the session would redirect to the provider
        // immediately.
        if expires_at <= self.clock.now() {
            return Err(ExchangeError::ClocksDiffer(ALREADY_EXPIRED.to_owned()));
        }
        let refresh_expires_at = tokens.refresh_expires_in.map(|lifetime| requested_at.plus(lifetime));
        let refresh_token = tokens.refresh_token;
        let tokens = TokenSet {
            id_token,
            refresh_token,
            expires_at,
            requested_at,
            id_token_issued_at: verified.issued_at,
            authentication: verified.authentication,
            id_token_expires_at: verified.expires_at,
            refresh_expires_at,
        };
        Ok(SignedIn { tokens, subject: verified.subject, claims: verified.claims })
    }

    /// Returns the values that an ID token must match. `nonce` is `None` after a refresh.
    fn expectations<'a>(&'a self, nonce: Option<&'a str>, access_token: &'a str) -> Expectations<'a> {
        Expectations {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            audience: self.settings.audience.as_ref().unwrap_or(&self.settings.client_id),
            trusted_audiences: &self.settings.trusted_audiences,
            algorithms: &self.settings.signing_algorithms,
            leeway: self.settings.leeway,
            nonce,
            access_token,
        }
    }

    /// Adds the claims from userinfo to a verified ID token, if userinfo is configured.
    async fn add_userinfo_claims(
        &self,
        http: &Http,
        metadata: &Metadata,
        access_token: &Secret,
        verified: Verified,
    ) -> Result<Verified, ExchangeError> {
        let Some(url) = metadata.userinfo_endpoint.as_ref().filter(|_| self.settings.userinfo) else {
            return Ok(verified);
        };
        let call = userinfo::fetch_and_merge(http, url, access_token, verified);
        self.audit_call(ProviderCall::Userinfo, call, is_refusal).await
    }

    /// Verifies an ID token from the token endpoint.
    async fn verify_id_token(
        &self,
        known: &Arc<Known>,
        token: &str,
        expected: &Expectations<'_>,
    ) -> Result<Verified, IdTokenError> {
        let signed = self
            .verify_signature(known, token, &id_token::kind(expected), &self.key_fetches.token_endpoint)
            .await?;
        id_token::verify(&signed, expected, self.clock.now())
    }

    /// Verifies a signature. If the provider may have new keys, fetches them and tries once more (OpenID Connect Core
    /// §10.1.1).
    async fn verify_signature(
        &self,
        known: &Arc<Known>,
        token: &str,
        kind: &Kind<'_>,
        last_fetch: &LastKeyFetch,
    ) -> Result<Signed, JwsError> {
        match jws::verify(token, &known.keys, kind) {
            Err(error) if error.may_need_new_key() => {
                let newest = self.fetch_new_keys(known, last_fetch).await;
                if Arc::ptr_eq(&newest, known) {
                    return Err(JwsError::KeysUnavailable);
                }
                jws::verify(token, &newest.keys, kind)
            }
            done => done,
        }
    }
}

const NO_ID_TOKEN: &str = "the token response has no ID token; check that provider.scopes contains openid";
const ALREADY_EXPIRED: &str = "the tokens are already expired (exp, expires_in), so that no session can begin: the \
                               clocks differ, or the lifetime of the provider's tokens is too short";

fn classify(error: IdTokenError) -> ExchangeError {
    let text = error.to_string();
    if error.is_about_time() {
        ExchangeError::ClocksDiffer(text)
    } else {
        ExchangeError::ProviderMisbehaved(text)
    }
}

fn is_refusal(error: &ExchangeError) -> bool {
    matches!(error, ExchangeError::CodeRefused(_) | ExchangeError::ClientRefused(_))
}

impl IdentityProvider for Provider {
    fn authentication_url(&self, request: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        let known = self.known.load();
        let known = known.as_ref().ok_or_else(|| ProviderUnavailable(self.last_error()))?;
        authentication_request::url(&self.settings, &known.metadata, request)
    }

    fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), WrongIssuer> {
        let is_required =
            self.known.load().as_ref().is_some_and(|known| known.metadata.names_itself_in_responses);
        match iss {
            Some(iss) if iss == self.settings.issuer => Ok(()),
            None if !is_required => Ok(()),
            wrong => Err(WrongIssuer {
                expected: self.settings.issuer.clone(),
                got: wrong.map_or_else(|| "nothing".to_owned(), quoted),
            }),
        }
    }

    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        async move { self.exchange_code(&exchange).await }.boxed()
    }

    fn refresh<'a>(&'a self, request: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        async move { self.refresh_tokens(&request).await }.boxed()
    }

    fn revoke<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        async move { self.revoke_token(refresh_token).await }.boxed()
    }

    fn end_session<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<(), RefreshError>> {
        async move { self.end_session_of(refresh_token).await }.boxed()
    }

    fn logout_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        async move { self.verify_logout_token(token).await }.boxed()
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        self.known.load().as_ref()?.metadata.end_session_endpoint.clone()
    }

    fn state(&self) -> ProviderState {
        if self.known.load().is_some() {
            ProviderState::Ready
        } else {
            ProviderState::Unavailable(self.last_error())
        }
    }

    fn answers(&self) -> bool {
        !self.silence.is_silent()
    }
}

#[cfg(test)]
mod calls;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
