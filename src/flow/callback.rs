//! End of a sign-in: the authorization response at the callback
//!
//! The steps run in this order. The first step that fails ends the sign-in, and no later step runs:
//!
//! 1. No parameter is repeated (parameter pollution, CVE-2026-9689).
//! 2. `state` belongs to a login transaction of this browser that has neither expired nor been used.
//! 3. `iss` is the configured issuer, in an error response too (RFC 9207 §2.4). Just after a start, this step waits for
//!    the provider's metadata, which say whether `iss` is required.
//! 4. The response contains a code, not an error.
//! 5. The code is exchanged once, and the ID token is verified.
//! 6. The claims make up an identity. If the provider left out the groups, some policy must permit the user without
//!    them.
//! 7. A new session begins, with an id of its own.
//!
//! 8. If the provider's documentation says to try again at once, the sign-in is repeated without the user, at most twice.
//!
//! After step 2 the login cookie is removed, whether the sign-in succeeds or fails.

mod response;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderValue};
use thiserror::Error;

pub use self::response::{AuthenticationResponse, RepeatedParameter, ResponseError, Responsible};

use super::audit::{Audit, Hint, IdentityMade, LoginOutcome};
use super::login::Attempt;
use super::not_kept::NotKept;
use super::ports::{
    Clock, CodeExchange, ExchangeError, IdentityProvider, LoginTransaction, Markers, NewSession, Sessions,
    SignedIn, WrongIssuer,
};
use super::snapshot::{CurrentSnapshot, Snapshot};
use crate::access::claims::{ClaimError, sid};
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::access::return_to::ReturnTo;

/// Why a sign-in did not end in a session.
#[derive(Debug, Error)]
pub enum CallbackError {
    /// A parameter is repeated.
    #[error(transparent)]
    Repeated(#[from] RepeatedParameter),
    /// There is no `state`, or it belongs to no transaction of this browser, or the transaction was used or expired.
    #[error(
        "the browser sent no login cookie: the sign-in began in another browser, expired, or was already completed{}",
        .0.as_ref().map_or_else(String::new, ResponseError::unconfirmed)
    )]
    UnknownState(Option<ResponseError>),
    /// The response is from another issuer.
    #[error(transparent)]
    WrongIssuer(#[from] WrongIssuer),
    /// The provider returned an error.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The response has neither a code nor an error.
    #[error("the authorization response has neither a code nor an error")]
    NoCode,
    /// The code could not be exchanged for tokens.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The claims make up no identity.
    #[error(transparent)]
    Claims(#[from] ClaimError),
    /// The provider left out the groups, and no policy permits this user without them.
    #[error(
        "the provider left the groups out of the ID token because there are too many, and no policy permits this user \
         without them; configure the provider to send only the groups that are assigned to this application, or roles"
    )]
    GroupsUnknown,
    /// The session could not be stored.
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

/// A request to the callback.
#[derive(Clone, Copy)]
pub struct CallbackRequest<'a> {
    /// Its public origin.
    pub origin: &'a Origin,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its query, which is the authorization response.
    pub query: &'a str,
    /// The address of the browser, if known.
    pub address: Option<IpAddr>,
}

/// A sign-in that began a session.
pub struct Finished {
    /// The return URL.
    pub return_to: ReturnTo,
    /// `Set-Cookie` values that set the session cookies and remove the login cookie.
    pub cookies: Vec<HeaderValue>,
    /// `sub`.
    pub subject: String,
}

/// A sign-in that began no session.
pub struct Failed {
    /// The cause.
    pub error: CallbackError,
    /// `Set-Cookie` values that remove the login cookie, if there was one.
    pub cookies: Vec<HeaderValue>,
    /// The return URL, if known.
    pub return_to: Option<ReturnTo>,
    /// The next attempt, if the provider's documentation says to try again at once.
    pub next_attempt: Option<Attempt>,
}

/// Finishes sign-ins.
pub struct Callback {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Keeps the login transaction.
    pub markers: Arc<dyn Markers>,
    /// Stores the new session.
    pub sessions: Arc<dyn Sessions>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The rules.
    pub snapshot: CurrentSnapshot,
    /// Logs the claims that had to be left out of an identity.
    pub audit: Arc<dyn Audit>,
    /// Whether a missing scope of groups was reported.
    pub has_reported_groups: AtomicBool,
}

impl Callback {
    /// Finishes a sign-in.
    pub async fn finish(&self, request: CallbackRequest<'_>) -> Result<Finished, Failed> {
        let CallbackRequest { origin, headers, query, .. } = request;
        let unknown = |error| Failed { error, cookies: Vec::new(), return_to: None, next_attempt: None };
        let response = AuthenticationResponse::parse(query).map_err(|error| unknown(error.into()))?;
        let Some((state, transaction)) = self.take_transaction(&response, origin, headers) else {
            return Err(unknown(CallbackError::UnknownState(response.error())));
        };
        let removed_login_cookie = self.markers.forget_login(&state, origin);
        match self.exchange_and_begin(&response, &transaction, request).await {
            Ok((mut cookies, subject)) => {
                cookies.extend(removed_login_cookie);
                cookies.extend(self.markers.set_loop_marker(1, &transaction.return_to, origin));
                Ok(Finished { return_to: transaction.return_to, cookies, subject })
            }
            Err(error) => Err(Failed {
                next_attempt: next_attempt(&error, &state),
                error,
                cookies: removed_login_cookie.into_iter().collect(),
                return_to: Some(transaction.return_to),
            }),
        }
    }

    fn take_transaction(
        &self,
        response: &AuthenticationResponse,
        origin: &Origin,
        headers: &HeaderMap,
    ) -> Option<(String, LoginTransaction)> {
        let state = response.state.clone()?;
        let transaction = self.markers.take_login(&state, headers, origin, self.clock.now())?;
        Some((state, transaction))
    }

    async fn exchange_and_begin(
        &self,
        response: &AuthenticationResponse,
        transaction: &LoginTransaction,
        request: CallbackRequest<'_>,
    ) -> Result<(Vec<HeaderValue>, String), CallbackError> {
        let CallbackRequest { origin, headers, address, .. } = request;
        self.provider.first_answer().await;
        self.provider.check_response_issuer(response.iss.as_deref())?;
        if let Some(error) = response.error() {
            return Err(error.into());
        }
        let signed_in = self
            .provider
            .exchange(CodeExchange {
                code: response.code().ok_or(CallbackError::NoCode)?,
                redirect_uri: &OwnPage::Callback.url(origin),
                code_verifier: &transaction.code_verifier,
                nonce: &transaction.nonce,
            })
            .await?;
        let snapshot = self.snapshot.load();
        let identity = self.build_identity(&snapshot, &signed_in)?;
        self.check_missing_groups(&snapshot, &signed_in, &identity)?;
        self.report_groups_not_requested(&snapshot, &signed_in);
        let policies = snapshot.rules.policies.verdicts(identity.as_ref());
        let sid = sid(&signed_in.claims);
        let issuer = transaction.issuer;
        let tokens = &signed_in.tokens;
        let session = NewSession { issuer, identity: &identity, tokens, policies, sid, address };
        let begun = self.sessions.begin(session, headers, origin, self.clock.now()).await;
        let largest_claims = || self.provider.largest_claims(&signed_in.tokens.id_token);
        let cookies = begun.map_err(|error| NotKept::explain(error, largest_claims))?;
        Ok((cookies, signed_in.subject))
    }

    fn check_missing_groups(
        &self,
        snapshot: &Snapshot,
        signed_in: &SignedIn,
        identity: &Identity,
    ) -> Result<(), CallbackError> {
        if !snapshot.claims.groups_are_unknown(&signed_in.claims) {
            return Ok(());
        }
        if !snapshot.rules.policies.any_permits(identity.as_ref()) {
            return Err(CallbackError::GroupsUnknown);
        }
        self.audit.hint(&Hint::GroupsUnknown(&signed_in.subject));
        Ok(())
    }

    /// Reports, once, that the provider sends groups only with a scope that is not requested.
    fn report_groups_not_requested(&self, snapshot: &Snapshot, signed_in: &SignedIn) {
        let rules = &snapshot.claims;
        if !rules.lack_groups(&signed_in.claims)
            || !self.provider.announces_unrequested_scope(GROUPS_SCOPE)
            || self.has_reported_groups.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let claims = rules.groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.audit.hint(&Hint::GroupsNotRequested { claims: &claims, scope: GROUPS_SCOPE });
    }

    fn build_identity(&self, snapshot: &Snapshot, signed_in: &SignedIn) -> Result<Identity, ClaimError> {
        let (identity, omitted) = snapshot.claims.identity(&signed_in.subject, &signed_in.claims)?;
        if !omitted.is_empty() {
            self.audit.omitted_claims(&omitted, &signed_in.subject, IdentityMade::SignIn);
        }
        Ok(identity)
    }
}

/// The scope with which Dex, Kanidm, Authelia and others send groups.
const GROUPS_SCOPE: &str = "groups";

/// How often a sign-in is repeated without the user.
const MAX_REPETITIONS: u8 = 2;

/// Returns the next attempt, if the sign-in is to be repeated at once.
fn next_attempt(error: &CallbackError, state: &str) -> Option<Attempt> {
    let is_repeated = matches!(error, CallbackError::Response(error) if error.is_repeated_at_once());
    Some(Attempt::of(state).next()).filter(|next| is_repeated && next.number <= MAX_REPETITIONS)
}

impl From<&CallbackError> for LoginOutcome {
    fn from(error: &CallbackError) -> Self {
        match error {
            CallbackError::Repeated(_) | CallbackError::NoCode => Self::ClientForged,
            CallbackError::UnknownState(_) => Self::UnknownState,
            CallbackError::Response(error) => match error.responsible() {
                Responsible::User => Self::ProviderRefused,
                Responsible::Operator => Self::Configuration,
                Responsible::Provider => Self::ProviderUnavailable,
            },
            CallbackError::Exchange(ExchangeError::CodeRefused(_)) => Self::ProviderRefused,
            CallbackError::Exchange(ExchangeError::ProviderUnavailable(_)) => Self::ProviderUnavailable,
            CallbackError::Exchange(ExchangeError::ClientRefused(_) | ExchangeError::Misconfigured(_))
            | CallbackError::Claims(ClaimError::NoUser(_)) => Self::Configuration,
            CallbackError::WrongIssuer(_)
            | CallbackError::Exchange(
                ExchangeError::ProviderMisbehaved(_)
                | ExchangeError::InsufficientAuthentication(_)
                | ExchangeError::ClocksDiffer(_),
            )
            | CallbackError::Claims(_) => Self::ProviderMisbehaved,
            CallbackError::GroupsUnknown => Self::GroupsUnknown,
            CallbackError::NotKept(_) => Self::NotKept,
        }
    }
}

#[cfg(test)]
mod tests;
