//! Everything that speaks to the OpenID Provider: the only place that knows openidconnect and reqwest.

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
use self::known::{Known, LastLook, Looks};
use self::metadata::Metadata;
pub use self::settings::{ClientAuthentication, Endpoints, ProviderSettings};
use crate::access::quoted::quoted;
use crate::flow::audit::{Audit, ProviderCall};
use crate::flow::ports::{
    AuthenticationRequest, Clock, CodeExchange, ExchangeError, IdentityProvider, LogoutToken,
    LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError, RefreshRequest, Refreshed, SignedIn,
    TokenSet, WrongIssuer,
};
use crate::secret::Secret;
use crate::trust::{self, TrustError};

/// The OpenID Provider, as we know it.
pub struct Provider {
    settings: ProviderSettings,
    /// What people wait for.
    exchanges: Http,
    /// With turns of their own: however many sessions are due, nobody who signs in waits behind them.
    refreshes: Http,
    /// Metadata and keys, with turns of their own: slow exchanges do not keep us from new keys.
    documents: Http,
    audit: Arc<dyn Audit>,
    clock: Arc<dyn Clock>,
    /// Read by every sign-in, replaced as a whole: nobody sees the metadata of one moment with the keys of another.
    known: ArcSwapOption<Known>,
    /// Why loading failed last.
    trouble: ArcSwap<String>,
    looks: Looks,
}

impl Provider {
    /// A provider that has not been asked yet: [`Self::keep_fresh`] asks.
    pub fn new(
        settings: ProviderSettings,
        audit: Arc<dyn Audit>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, TrustError> {
        let client = trust::client(settings.ca_pem.as_deref(), settings.timeout)?;
        let watch = Arc::new(ClockWatch::new(Arc::clone(&clock)));
        Ok(Arc::new(Self {
            exchanges: Http::new(client.clone(), settings.timeout, Arc::clone(&watch)),
            refreshes: Http::new(client.clone(), settings.timeout, Arc::clone(&watch)),
            documents: Http::new(client, settings.timeout, watch),
            settings,
            audit,
            clock,
            known: ArcSwapOption::empty(),
            trouble: ArcSwap::from_pointee("it has not answered yet".to_owned()),
            looks: Looks::default(),
        }))
    }

    fn trouble(&self) -> String {
        self.trouble.load().as_str().to_owned()
    }

    async fn sign_in(&self, exchange: &CodeExchange<'_>) -> Result<SignedIn, ExchangeError> {
        let known =
            self.known.load_full().ok_or_else(|| ExchangeError::ProviderUnavailable(self.trouble()))?;
        let asked_at = self.clock.now();
        let endpoint = &known.metadata.token_endpoint;
        let call = token_endpoint::exchange(&self.exchanges, &self.settings, endpoint, asked_at, exchange);
        let tokens = self.watched(ProviderCall::CodeExchange, call, is_refusal).await?;
        let id_token =
            tokens.id_token.ok_or_else(|| ExchangeError::ProviderMisbehaved(NO_TOKEN.to_owned()))?;
        let expected = self.expectations(Some(exchange.nonce.expose()), tokens.access_token.expose());
        let verified = self.verify_id_token(&known, id_token.expose(), &expected).await.map_err(classify)?;
        let access = &tokens.access_token;
        let verified = self.userinfo_claims(&self.exchanges, &known.metadata, access, verified).await?;
        let access_ends = tokens.expires_in.map(|lifetime| asked_at.plus(lifetime));
        let expires_at = access_ends.map_or(verified.expires_at, |end| end.min(verified.expires_at));
        // Accepted thanks to the leeway, or given for no time at all: its session would lead straight back to the provider.
        if expires_at <= self.clock.now() {
            return Err(ExchangeError::ClocksDiffer(EXPIRED.to_owned()));
        }
        let refresh_expires_at = tokens.refresh_expires_in.map(|lifetime| asked_at.plus(lifetime));
        let refresh_token = tokens.refresh_token;
        let tokens = TokenSet {
            id_token,
            refresh_token,
            expires_at,
            requested_at: asked_at,
            id_token_issued_at: verified.issued_at,
            authentication: verified.authentication,
            id_token_expires_at: verified.expires_at,
            refresh_expires_at,
        };
        Ok(SignedIn { tokens, subject: verified.subject, claims: verified.claims })
    }

    /// What an ID token must match; `nonce` is none where it comes of a refresh.
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

    /// The same person with the claims that userinfo adds, where it is to be asked.
    async fn userinfo_claims(
        &self,
        http: &Http,
        metadata: &Metadata,
        access_token: &Secret,
        verified: Verified,
    ) -> Result<Verified, ExchangeError> {
        let Some(url) = metadata.userinfo_endpoint.as_ref().filter(|_| self.settings.userinfo) else {
            return Ok(verified);
        };
        let call = userinfo::fill(http, url, access_token, verified);
        self.watched(ProviderCall::Userinfo, call, is_refusal).await
    }

    /// Verifies an ID token that the token endpoint gave.
    async fn verify_id_token(
        &self,
        known: &Arc<Known>,
        token: &str,
        expected: &Expectations<'_>,
    ) -> Result<Verified, IdTokenError> {
        let signed =
            self.verify_signature(known, token, &id_token::kind(expected), &self.looks.given).await?;
        id_token::verify(&signed, expected, self.clock.now())
    }

    /// Verifies a signature, and once more where the provider may have new keys (OpenID Connect Core §10.1.1).
    async fn verify_signature(
        &self,
        known: &Arc<Known>,
        token: &str,
        kind: &Kind<'_>,
        last_look: &LastLook,
    ) -> Result<Signed, JwsError> {
        match jws::verify(token, &known.keys, kind) {
            Err(error) if error.may_be_a_new_key() => {
                let newest = self.look_for_new_keys(known, last_look).await;
                if Arc::ptr_eq(&newest, known) {
                    return Err(JwsError::KeysOutOfReach);
                }
                jws::verify(token, &newest.keys, kind)
            }
            done => done,
        }
    }
}

const NO_TOKEN: &str = "there is no ID token; is openid among provider.scopes?";
const EXPIRED: &str = "the tokens are over already (exp, expires_in), so that no session can be made of them: the \
                    clocks differ, or the provider's tokens live too short";

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
        let known = known.as_ref().ok_or_else(|| ProviderUnavailable(self.trouble()))?;
        authentication_request::url(&self.settings, &known.metadata, request)
    }

    fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), WrongIssuer> {
        let must_be_there =
            self.known.load().as_ref().is_some_and(|known| known.metadata.names_itself_in_responses);
        match iss {
            Some(iss) if iss == self.settings.issuer => Ok(()),
            None if !must_be_there => Ok(()),
            wrong => Err(WrongIssuer {
                expected: self.settings.issuer.clone(),
                got: wrong.map_or_else(|| "nothing".to_owned(), quoted),
            }),
        }
    }

    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        async move { self.sign_in(&exchange).await }.boxed()
    }

    fn refresh<'a>(&'a self, request: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        async move { self.refresh_tokens(&request).await }.boxed()
    }

    fn revoke<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        async move { self.revoke_token(refresh_token).await }.boxed()
    }

    fn logout_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        async move { self.sessions_that_end(token).await }.boxed()
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        self.known.load().as_ref()?.metadata.end_session_endpoint.clone()
    }

    fn state(&self) -> ProviderState {
        if self.known.load().is_some() {
            ProviderState::Ready
        } else {
            ProviderState::Unavailable(self.trouble())
        }
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
