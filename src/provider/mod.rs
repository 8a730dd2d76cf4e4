//! OpenID Provider client, the only module that uses openidconnect and reqwest

mod accepted;
mod algorithm;
mod announcement;
mod authentication;
mod authentication_request;
mod background;
mod claim_sizes;
mod client_assertion;
mod clock_watch;
mod code_exchange;
mod comparison;
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
mod online;
mod refresh;
mod settings;
mod silence;
mod token_endpoint;
mod userinfo;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use url::Url;

pub use self::algorithm::Algorithm;
pub use self::authentication::MAX_ACR_BYTES;
pub use self::client_assertion::{ClientKey, ClientKeyError};
use self::clock_watch::ClockWatch;
pub use self::comparison::Finding;
use self::http::Http;
use self::id_token::{Expectations, IdTokenError, Verified};
use self::jws::{JwsError, Signed};
use self::known::{KeyFetches, Known, LastKeyFetch};
pub use self::online::{Comparison, Needs, compare_online};
pub use self::settings::{ClientAuthentication, Endpoints, ProviderSettings};
use self::silence::Silence;
use crate::access::quoted::quoted;
use crate::flow::audit::{Audit, ProviderCall};
use crate::flow::ports::{
    AuthenticationRequest, ClaimSize, Clock, CodeExchange, ExchangeError, IdentityProvider, LogoutToken,
    LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, SignedIn,
    WrongIssuer,
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
    last_error: ArcSwap<ProviderUnavailable>,
    key_fetches: KeyFetches,
    /// Whether the documents were loaded, or could not be loaded. A sign-in waits for this.
    has_tried_to_load: watch::Sender<bool>,
    /// Whether a sign-in without a refresh token was reported.
    has_reported_no_refresh_token: AtomicBool,
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
            last_error: ArcSwap::from_pointee(ProviderUnavailable {
                why: "it has not answered yet".to_owned(),
                is_about_settings: false,
            }),
            key_fetches: KeyFetches::default(),
            has_tried_to_load: watch::Sender::new(false),
            has_reported_no_refresh_token: AtomicBool::new(false),
            silence,
        }))
    }

    fn last_error(&self) -> String {
        self.last_error.load().why.clone()
    }

    fn unavailable(&self) -> ProviderUnavailable {
        ProviderUnavailable::clone(&self.last_error.load())
    }

    /// Returns the values that an ID token must match. `nonce` is `None` after a refresh.
    fn expectations<'a>(&'a self, nonce: Option<&'a str>, access_token: &'a str) -> Expectations<'a> {
        Expectations {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            audience: self.settings.audience.as_ref().unwrap_or(&self.settings.client_id),
            trusted_audiences: &self.settings.trusted_audiences,
            leeway: self.settings.leeway,
            nonce,
            access_token,
        }
    }

    /// Verifies an ID token from the token endpoint.
    async fn verify_id_token(
        &self,
        known: &Arc<Known>,
        token: &str,
        expected: &Expectations<'_>,
    ) -> Result<Verified, IdTokenError> {
        let signed =
            self.verify_signature(known, token, id_token::TYPES, &self.key_fetches.token_endpoint).await?;
        id_token::verify(&signed, expected, self.clock.now())
    }

    /// Verifies a signature. If the provider may have new keys or a new algorithm, fetches its documents and tries
    /// once more (OpenID Connect Core §10.1.1).
    async fn verify_signature(
        &self,
        known: &Arc<Known>,
        token: &str,
        types: &[&str],
        last_fetch: &LastKeyFetch,
    ) -> Result<Signed, JwsError> {
        match jws::verify(token, &known.keys, &known.accepted, types) {
            Err(error) if error.may_need_new_documents() => {
                let newest = self.fetch_new_documents(known, last_fetch, error.may_need_new_metadata()).await;
                if !Arc::ptr_eq(&newest, known) {
                    return jws::verify(token, &newest.keys, &newest.accepted, types);
                }
                Err(match error {
                    JwsError::AlgorithmNotAccepted(error) => JwsError::MetadataUnavailable(error),
                    _ => JwsError::KeysUnavailable,
                })
            }
            done => done,
        }
    }
}

/// How long a sign-in waits for the first load of the documents. A user does not wait longer for a page.
const MAX_WAIT_FOR_FIRST_LOAD: Duration = Duration::from_secs(5);

impl IdentityProvider for Provider {
    fn first_answer(&self) -> BoxFuture<'_, ()> {
        let mut loaded = self.has_tried_to_load.subscribe();
        async move {
            let first_load = loaded.wait_for(|has_tried| *has_tried);
            let _in_time = tokio::time::timeout(MAX_WAIT_FOR_FIRST_LOAD, first_load).await;
        }
        .boxed()
    }

    fn authentication_url(&self, request: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        let known = self.known.load();
        let known = known.as_ref().ok_or_else(|| self.unavailable())?;
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

    fn largest_claims(&self, id_token: &Secret) -> Vec<ClaimSize> {
        claim_sizes::largest_claims(id_token.expose())
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

    fn warnings(&self) -> Vec<String> {
        let known = self.known.load();
        let findings = known.as_ref().map_or(&[][..], |known| known.findings.as_slice());
        findings.iter().map(ToString::to_string).collect()
    }

    fn announces_unrequested_scope(&self, scope: &str) -> bool {
        let is_announced =
            self.known.load().as_ref().is_some_and(|known| known.metadata.announcement.has_scope(scope));
        is_announced && !self.settings.scopes.iter().any(|requested| requested == scope)
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
