//! What does the provider's answer make of a sign-in?
//!
//! In this order; the first that fails ends it, and no later step is taken:
//!
//! 1. no parameter comes twice (parameter pollution, CVE-2026-9689);
//! 2. `state` is that of a transaction this browser began, not over and not used;
//! 3. `iss` is the configured issuer's, in an error response too (RFC 9207 §2.4);
//! 4. the answer is a code, not an error;
//! 5. the code is exchanged, once, and the ID token verified;
//! 6. the claims make an identity; where the provider kept the groups back, some policy must do without them;
//! 7. a new session begins, with an id of its own; the login cookie is removed whatever happened.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use thiserror::Error;
use url::form_urlencoded;

use super::audit::{Audit, Hint, LoginOutcome};
use super::ports::{
    BeginError, Clock, CodeExchange, ExchangeError, IdentityProvider, LoginTransaction, Markers, NewSession,
    Sessions, SignedIn, WrongIssuer,
};
use super::snapshot::{CurrentSnapshot, Snapshot};
use crate::access::claims::{ClaimError, sid};
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::access::quoted::quoted;
use crate::access::return_to::ReturnTo;
use crate::secret::Secret;

/// The parameters of an authorization response (OpenID Connect Core §3.1.2.5, §3.1.2.6; RFC 9207 §2).
#[derive(Default)]
pub struct AuthenticationResponse {
    state: Option<String>,
    code: Option<Secret>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// Not used (OpenID Connect Session Management §2), and yet nobody honest sends two.
    has_session_state: bool,
}

/// Why a sign-in did not end in a session.
#[derive(Debug, Error)]
pub enum CallbackError {
    /// A parameter came twice: nobody honest sends that.
    #[error("the parameter {0} came more than once")]
    Repeated(String),
    /// Without a state, or with one this browser did not begin, has finished, or took too long for.
    #[error("no sign-in of this browser is waiting for this answer")]
    UnknownState,
    /// Another issuer answers.
    #[error(transparent)]
    WrongIssuer(#[from] WrongIssuer),
    /// The provider says no, in its own words.
    #[error("the provider answered {}: {}", quoted(error), quoted(description))]
    ProviderRefused {
        /// `error`.
        error: String,
        /// `error_description`, untrusted text.
        description: String,
    },
    /// Neither a code nor an error.
    #[error("the answer holds neither a code nor an error")]
    NoCode,
    /// The code made no tokens.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The tokens made no identity.
    #[error(transparent)]
    Claims(#[from] ClaimError),
    /// The provider kept the groups back, and no policy lets this person pass without.
    #[error(
        "the provider left the groups out of the ID token because there are too many, and no policy lets this person pass \
         without; let the provider send only the groups that are assigned to this application, or roles"
    )]
    GroupsUnknown,
    /// The identity made no session.
    #[error(transparent)]
    NotKept(#[from] BeginError),
}

/// A session began.
pub struct Finished {
    /// Where the person wanted to go.
    pub return_to: ReturnTo,
    /// `Set-Cookie` values: the session, and the end of the login cookie.
    pub cookies: Vec<HeaderValue>,
    /// `sub`.
    pub subject: String,
}

/// No session began.
pub struct Failed {
    /// Why.
    pub error: CallbackError,
    /// `Set-Cookie` values: the end of the login cookie, where there was one.
    pub cookies: Vec<HeaderValue>,
    /// Where the person wanted to go, where it is known.
    pub return_to: Option<ReturnTo>,
}

/// Finishes sign-ins.
pub struct Callback {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Where the transaction waits.
    pub markers: Arc<dyn Markers>,
    /// Where the session will live.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rules.
    pub snapshot: CurrentSnapshot,
    /// Where it is told what had to be left out of an identity.
    pub audit: Arc<dyn Audit>,
}

impl Callback {
    /// Finishes the sign-in that `query` answers.
    pub async fn finish(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        query: &str,
    ) -> Result<Finished, Failed> {
        let unknown = |error| Failed { error, cookies: Vec::new(), return_to: None };
        let response = AuthenticationResponse::parse(query).map_err(unknown)?;
        let Some((state, transaction)) = self.transaction(&response, origin, headers) else {
            return Err(unknown(CallbackError::UnknownState));
        };
        let forget = self.markers.forget_login(&state, origin);
        match self.session(&response, &transaction, origin, headers).await {
            Ok((mut cookies, subject)) => {
                cookies.extend(forget);
                cookies.extend(self.markers.set_loop_marker(1, &transaction.return_to, origin));
                Ok(Finished { return_to: transaction.return_to, cookies, subject })
            }
            Err(error) => Err(Failed {
                error,
                cookies: forget.into_iter().collect(),
                return_to: Some(transaction.return_to),
            }),
        }
    }

    fn transaction(
        &self,
        response: &AuthenticationResponse,
        origin: &Origin,
        headers: &HeaderMap,
    ) -> Option<(String, LoginTransaction)> {
        let state = response.state.clone()?;
        let transaction = self.markers.take_login(&state, headers, origin, self.clock.now())?;
        Some((state, transaction))
    }

    async fn session(
        &self,
        response: &AuthenticationResponse,
        transaction: &LoginTransaction,
        origin: &Origin,
        headers: &HeaderMap,
    ) -> Result<(Vec<HeaderValue>, String), CallbackError> {
        self.provider.check_response_issuer(response.iss.as_deref())?;
        let signed_in = self
            .provider
            .exchange(CodeExchange {
                code: response.code()?,
                redirect_uri: &OwnPage::Callback.url(origin),
                code_verifier: &transaction.code_verifier,
                nonce: &transaction.nonce,
            })
            .await?;
        let snapshot = self.snapshot.load();
        let identity = self.build_identity(&snapshot, &signed_in)?;
        self.check_missing_groups(&snapshot, &signed_in, &identity)?;
        let policies = snapshot.rules.policies.verdicts(identity.as_ref());
        let sid = sid(&signed_in.claims);
        let issuer = transaction.issuer;
        let session = NewSession { issuer, identity: &identity, tokens: &signed_in.tokens, policies, sid };
        let cookies = self.sessions.begin(session, headers, origin, self.clock.now()).await?;
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

    fn build_identity(&self, snapshot: &Snapshot, signed_in: &SignedIn) -> Result<Identity, ClaimError> {
        let (identity, omitted_claim) = snapshot.claims.identity(&signed_in.subject, &signed_in.claims)?;
        for one in omitted_claim {
            self.audit.omitted_claim(one.what, &one.value, &one.why, &signed_in.subject);
        }
        Ok(identity)
    }
}

impl AuthenticationResponse {
    /// Reads a query; a parameter that matters and comes twice is refused, an unknown one is ignored.
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        let mut response = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let twice = match &*name {
                "state" => response.state.replace(value.into_owned()).is_some(),
                "code" => response.code.replace(Secret::new(value)).is_some(),
                "iss" => response.iss.replace(value.into_owned()).is_some(),
                "error" => response.error.replace(value.into_owned()).is_some(),
                "session_state" => std::mem::replace(&mut response.has_session_state, true),
                "error_description" => response.error_description.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if twice {
                return Err(CallbackError::Repeated(name.into_owned()));
            }
        }
        Ok(response)
    }

    fn code(&self) -> Result<&Secret, CallbackError> {
        if let Some(error) = &self.error {
            let description = self.error_description.clone().unwrap_or_default();
            return Err(CallbackError::ProviderRefused { error: error.clone(), description });
        }
        self.code.as_ref().ok_or(CallbackError::NoCode)
    }
}

impl From<&CallbackError> for LoginOutcome {
    fn from(error: &CallbackError) -> Self {
        match error {
            CallbackError::Repeated(_) | CallbackError::NoCode => Self::ClientForged,
            CallbackError::UnknownState => Self::UnknownState,
            CallbackError::ProviderRefused { .. }
            | CallbackError::Exchange(ExchangeError::CodeRefused(_)) => Self::ProviderRefused,
            CallbackError::Exchange(
                ExchangeError::ProviderUnavailable(_) | ExchangeError::ClientRefused(_),
            ) => Self::ProviderUnavailable,
            CallbackError::WrongIssuer(_)
            | CallbackError::Exchange(
                ExchangeError::ProviderMisbehaved(_) | ExchangeError::ClocksDiffer(_),
            )
            | CallbackError::Claims(_) => Self::ProviderMisbehaved,
            CallbackError::GroupsUnknown => Self::GroupsUnknown,
            CallbackError::NotKept(_) => Self::NotKept,
        }
    }
}

#[cfg(test)]
mod tests;
