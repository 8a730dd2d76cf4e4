//! How is a person sent to the provider?

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use thiserror::Error;
use url::Url;

use super::ports::{
    Absence, Account, AuthenticationRequest, Clock, Entropy, IdentityProvider, IssuerIndex, LoginTransaction,
    LoopMarker, Markers, NoEntropy, ProviderUnavailable, SessionRequest, SessionState, Sessions,
};
use super::redirect_loop::{LoopCause, NextStep, next_step};
use super::snapshot::CurrentSnapshot;
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::access::return_to::ReturnTo;
use crate::secret::Secret;

/// Begins sign-ins.
pub struct Login {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Where the transaction waits for the callback.
    pub markers: Arc<dyn Markers>,
    /// Where sessions live: somebody may be signed in already.
    pub sessions: Arc<dyn Sessions>,
    /// Randomness for `state`, `nonce` and the PKCE verifier.
    pub entropy: Arc<dyn Entropy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rules, with the origins that a sign-in may return to.
    pub snapshot: CurrentSnapshot,
}

/// What the person wants.
#[derive(Clone, Copy, Debug)]
pub struct LoginOptions<'a> {
    /// Where to end, as the request says it.
    pub rd: Option<&'a str>,
    /// Which account.
    pub account: Account,
    /// Whether they ask for it by themselves, having been told that it goes in circles.
    pub is_retry: bool,
}

/// What comes of it.
pub enum Started {
    /// The person goes to the provider: the authorization endpoint with all parameters, and `Set-Cookie` values.
    Provider(Url, Vec<HeaderValue>),
    /// The user is signed in, and goes back.
    Back(ReturnRedirect),
    /// It goes in circles.
    LoopDetected(LoopCause),
}

/// Where a signed-in user goes.
pub struct ReturnRedirect {
    /// The page.
    pub return_to: ReturnTo,
    /// `Set-Cookie` values for the response.
    pub cookies: Vec<HeaderValue>,
}

/// Why no sign-in can begin.
#[derive(Debug, Error)]
pub enum LoginError {
    /// The provider's metadata is not there yet.
    #[error(transparent)]
    ProviderUnavailable(#[from] ProviderUnavailable),
    /// Nothing secret can be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

impl Login {
    /// Begins a sign-in that ends at `rd`, or on the start page where `rd` is not acceptable.
    pub async fn start(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        options: LoginOptions<'_>,
    ) -> Result<Started, LoginError> {
        let return_to = self.return_to(origin, options.rd);
        let by_itself = options.account == Account::Known && !options.is_retry;
        match self.next_step(origin, headers, &return_to).await {
            NextStep::Back(times) if by_itself => {
                Ok(Started::Back(self.return_redirect(origin, return_to, times)))
            }
            NextStep::LoopDetected(cause) if by_itself => Ok(Started::LoopDetected(cause)),
            _ => self.redirect_to_provider(origin, headers, return_to, options.account),
        }
    }

    /// Sends a user back whose session was refreshed, unless that is a redirect loop.
    pub fn return_after_refresh(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        return_to: ReturnTo,
    ) -> Result<ReturnRedirect, LoopCause> {
        let never = LoopMarker { times: 0, here: true };
        let landed = self.markers.loop_marker(headers, origin, &return_to).unwrap_or(never);
        match next_step(Some(landed), Ok(())) {
            NextStep::LoopDetected(cause) => Err(cause),
            NextStep::Back(times) => Ok(self.return_redirect(origin, return_to, times)),
            NextStep::Provider => Ok(self.return_redirect(origin, return_to, 1)),
        }
    }

    fn return_redirect(&self, origin: &Origin, return_to: ReturnTo, times: u8) -> ReturnRedirect {
        let cookies = self.markers.set_loop_marker(times, &return_to, origin).into_iter().collect();
        ReturnRedirect { return_to, cookies }
    }

    async fn next_step(&self, origin: &Origin, headers: &HeaderMap, return_to: &ReturnTo) -> NextStep {
        let request = SessionRequest { headers, origin, now: self.clock.now(), active: true, found: None };
        let session = |state: SessionState<'_>| match state {
            SessionState::Usable(_) => Some(Ok(())),
            SessionState::Refreshable(_) => Some(Err(Absence::Expired)),
            SessionState::Absent(absence) => Some(Err(absence)),
            SessionState::Undetermined(_) => None,
        };
        match self.sessions.read(request, |opened| session(opened.state)).await {
            Some(session) => next_step(self.markers.loop_marker(headers, origin, return_to), session),
            // Nothing is known, so nothing is held back.
            None => NextStep::Provider,
        }
    }

    fn redirect_to_provider(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        return_to: ReturnTo,
        account: Account,
    ) -> Result<Started, LoginError> {
        let transaction = self.new_transaction(return_to)?;
        let location = self.provider.authentication_url(&AuthenticationRequest {
            redirect_uri: &OwnPage::Callback.url(origin),
            state: &transaction.state,
            nonce: &transaction.nonce,
            code_verifier: &transaction.code_verifier,
            account,
        })?;
        let cookies = self.markers.keep_login(&transaction, headers, origin, self.clock.now())?;
        Ok(Started::Provider(location, cookies))
    }

    /// Where a sign-in with this `rd` ends.
    pub fn return_to(&self, origin: &Origin, rd: Option<&str>) -> ReturnTo {
        let snapshot = self.snapshot.load();
        rd.and_then(|text| ReturnTo::parse(text, origin, &snapshot.rules.origins))
            .unwrap_or_else(|| ReturnTo::home(origin))
    }

    fn new_transaction(&self, return_to: ReturnTo) -> Result<LoginTransaction, NoEntropy> {
        Ok(LoginTransaction {
            issuer: IssuerIndex::FIRST,
            state: random(&*self.entropy)?,
            nonce: Secret::new(random(&*self.entropy)?),
            code_verifier: Secret::new(random(&*self.entropy)?),
            return_to,
        })
    }
}

/// 256 random bits as 43 characters: also the shortest PKCE verifier allowed (RFC 7636 §4.1).
pub(super) fn random(entropy: &dyn Entropy) -> Result<String, NoEntropy> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes)?;
    Ok(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes))
}

#[cfg(test)]
mod tests;
