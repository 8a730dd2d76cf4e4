//! Start of a sign-in: the redirect to the provider

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

/// Starts sign-ins.
pub struct Login {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Keeps the login transaction until the callback.
    pub markers: Arc<dyn Markers>,
    /// Opens sessions: the user may be signed in already.
    pub sessions: Arc<dyn Sessions>,
    /// Random bytes for `state`, `nonce` and the PKCE verifier.
    pub entropy: Arc<dyn Entropy>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The rules, with the origins of acceptable return URLs.
    pub snapshot: CurrentSnapshot,
}

/// The parameters of a sign-in.
#[derive(Clone, Copy, Debug)]
pub struct LoginOptions<'a> {
    /// The return URL as the request gives it, not validated.
    pub rd: Option<&'a str>,
    /// The account to sign in with.
    pub account: Account,
    /// Whether the user asked for another attempt on the page that reports a redirect loop.
    pub is_retry: bool,
}

/// The result of [`Login::start`].
pub enum Started {
    /// Redirect to the provider: the authorization endpoint with all parameters, and `Set-Cookie` values.
    Provider(Url, Vec<HeaderValue>),
    /// The user is signed in: redirect to the return URL.
    Back(ReturnRedirect),
    /// A redirect loop was detected.
    LoopDetected(LoopCause),
}

/// The redirect of a signed-in user.
pub struct ReturnRedirect {
    /// The return URL.
    pub return_to: ReturnTo,
    /// `Set-Cookie` values for the response.
    pub cookies: Vec<HeaderValue>,
}

/// Why a sign-in cannot start.
#[derive(Debug, Error)]
pub enum LoginError {
    /// The provider's metadata is not loaded.
    #[error(transparent)]
    ProviderUnavailable(#[from] ProviderUnavailable),
    /// The system returned no random bytes.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

impl Login {
    /// Starts a sign-in that returns to `rd`, or to the start page of `origin` if `rd` is not acceptable.
    pub async fn start(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        options: LoginOptions<'_>,
    ) -> Result<Started, LoginError> {
        let return_to = self.return_to(origin, options.rd);
        let asks_provider = matches!(options.account, Account::Another | Account::Recent);
        let is_automatic = !asks_provider && !options.is_retry;
        match self.next_step(origin, headers, &return_to).await {
            NextStep::Return(times) if is_automatic => {
                Ok(Started::Back(self.return_redirect(origin, return_to, times)))
            }
            NextStep::LoopDetected(cause) if is_automatic => Ok(Started::LoopDetected(cause)),
            _ => {
                self.provider.first_answer().await;
                let attempt = Attempt { number: 0, account: options.account };
                let (url, cookies) = self.redirect_to_provider(origin, headers, return_to, attempt)?;
                Ok(Started::Provider(url, cookies))
            }
        }
    }

    /// Returns the redirect for a user whose session was refreshed, or the cause of a redirect loop.
    pub fn return_after_refresh(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        return_to: ReturnTo,
    ) -> Result<ReturnRedirect, LoopCause> {
        let no_returns = LoopMarker { times: 0, here: true };
        let marker = self.markers.loop_marker(headers, origin, &return_to).unwrap_or(no_returns);
        match next_step(Some(marker), Ok(())) {
            NextStep::LoopDetected(cause) => Err(cause),
            NextStep::Return(times) => Ok(self.return_redirect(origin, return_to, times)),
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
            // Without the state of the session, no redirect loop can be detected.
            None => NextStep::Provider,
        }
    }

    /// Begins an attempt of a sign-in. Returns the URL and the `Set-Cookie` values of [`Started::Provider`].
    pub fn redirect_to_provider(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        return_to: ReturnTo,
        attempt: Attempt,
    ) -> Result<(Url, Vec<HeaderValue>), LoginError> {
        let transaction = self.new_transaction(return_to, attempt)?;
        let location = self.provider.authentication_url(&AuthenticationRequest {
            redirect_uri: &OwnPage::Callback.url(origin),
            state: &transaction.state,
            nonce: &transaction.nonce,
            code_verifier: &transaction.code_verifier,
            account: attempt.account,
        })?;
        let cookies = self.markers.keep_login(&transaction, headers, origin, self.clock.now())?;
        Ok((location, cookies))
    }

    /// Returns the validated return URL, or the start page of `origin` if `rd` is missing or not acceptable.
    pub fn return_to(&self, origin: &Origin, rd: Option<&str>) -> ReturnTo {
        let snapshot = self.snapshot.load();
        rd.and_then(|text| ReturnTo::parse(text, origin, &snapshot.rules.origins))
            .unwrap_or_else(|| ReturnTo::home(origin))
    }

    fn new_transaction(&self, return_to: ReturnTo, attempt: Attempt) -> Result<LoginTransaction, NoEntropy> {
        Ok(LoginTransaction {
            issuer: IssuerIndex::FIRST,
            state: attempt.mark(random_text(&*self.entropy)?),
            nonce: Secret::new(random_text(&*self.entropy)?),
            code_verifier: Secret::new(random_text(&*self.entropy)?),
            return_to,
        })
    }
}

/// An attempt of a sign-in. Its `state` contains it, and the login cookie binds the whole `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How often the sign-in was repeated before.
    pub number: u8,
    /// The account that the user chose. A repetition that forgot it could sign in another user of the browser.
    pub account: Account,
}

/// Separates the random text of a `state` from the attempt. Base64url does not contain it.
const BEFORE_ATTEMPT: char = '.';
/// How a `state` says which account the user chose, after the number.
const ACCOUNT_MARKS: [(char, Account); 4] =
    [('k', Account::Known), ('a', Account::Another), ('r', Account::Recent), ('i', Account::Interactive)];

impl Attempt {
    /// The first attempt of a sign-in with the known account. A `state` does not mark it.
    const USUAL: Self = Self { number: 0, account: Account::Known };

    /// Returns the attempt of a `state`.
    pub(super) fn of(state: &str) -> Self {
        Self::read(state).unwrap_or(Self::USUAL)
    }

    /// Returns the attempt after this one.
    pub(super) fn next(self) -> Self {
        Self { number: self.number.saturating_add(1), ..self }
    }

    fn read(state: &str) -> Option<Self> {
        let (_, text) = state.rsplit_once(BEFORE_ATTEMPT)?;
        let (mark, account) = ACCOUNT_MARKS.into_iter().find(|(mark, _)| text.ends_with(*mark))?;
        let number = text.strip_suffix(mark)?.parse().ok()?;
        Some(Self { number, account })
    }

    fn mark(self, state: String) -> String {
        let mark = ACCOUNT_MARKS.into_iter().find(|(_, account)| *account == self.account);
        match mark.filter(|_| self != Self::USUAL) {
            Some((mark, _)) => format!("{state}{BEFORE_ATTEMPT}{}{mark}", self.number),
            None => state,
        }
    }
}

/// Returns 256 random bits as 43 characters, the minimum length of a PKCE verifier (RFC 7636 §4.1).
pub(super) fn random_text(entropy: &dyn Entropy) -> Result<String, NoEntropy> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes)?;
    Ok(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes))
}

#[cfg(test)]
mod tests;
