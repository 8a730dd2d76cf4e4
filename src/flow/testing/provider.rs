//! A fake provider, whose responses a test sets

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use url::Url;

use super::{Calls, NOW, Setting};
use crate::access::claims::{Claim, Claims};
use crate::flow::ports::{
    Authentication, AuthenticationRequest, ClaimSize, CodeExchange, ExchangeError, IdentityProvider,
    LogoutToken, LogoutTokenError, ProviderState, ProviderUnavailable, RefreshError, RefreshRequest,
    Refreshed, RefreshedIdToken, SignedIn, TokenSet, UnixTime, WrongIssuer,
};
use crate::secret::Secret;

/// The only acceptable `iss`.
pub(crate) const ISSUER: &str = "https://idp.test";

/// The result of one refresh, computed when the request arrives.
pub(crate) type RefreshAnswer = Box<dyn FnOnce() -> Result<Refreshed, RefreshError> + Send>;

/// The fake provider.
pub(crate) struct FakeProvider {
    calls: Calls,
    /// Whether the metadata is not loaded.
    pub(crate) is_unavailable: AtomicBool,
    /// Whether users sign out at the provider.
    pub(crate) has_end_session_endpoint: AtomicBool,
    /// The response to the next code; [`signed_in`] if none is set.
    pub(crate) exchanged: Setting<Option<Result<SignedIn, ExchangeError>>>,
    /// The responses to the next refresh tokens; [`refreshed`] if none is left.
    pub(crate) refreshes: Setting<VecDeque<RefreshAnswer>>,
    /// Whether the last call was not answered.
    pub(crate) is_silent: AtomicBool,
    /// Whether the scope `groups` is announced, and not requested.
    pub(crate) announces_groups: AtomicBool,
    is_held: watch::Sender<bool>,
}

impl FakeProvider {
    pub(super) fn new(calls: Calls) -> Self {
        Self {
            calls,
            is_unavailable: AtomicBool::default(),
            has_end_session_endpoint: AtomicBool::default(),
            exchanged: Setting::default(),
            refreshes: Setting::default(),
            is_silent: AtomicBool::default(),
            announces_groups: AtomicBool::default(),
            is_held: watch::Sender::new(false),
        }
    }

    /// Delays each refresh until [`Self::answer`].
    pub(crate) fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Answers the delayed refreshes.
    pub(crate) fn answer(&self) {
        self.is_held.send_replace(false);
    }

    /// Adds the response to one refresh.
    pub(crate) fn will_answer(
        &self,
        answer: impl FnOnce() -> Result<Refreshed, RefreshError> + Send + 'static,
    ) {
        self.refreshes.with(|refreshes| refreshes.push_back(Box::new(answer)));
    }
}

impl IdentityProvider for FakeProvider {
    fn first_answer(&self) -> BoxFuture<'_, ()> {
        self.calls.record("first_answer".to_owned());
        Box::pin(async {})
    }

    fn authentication_url(&self, request: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable> {
        let AuthenticationRequest { redirect_uri, state, nonce, code_verifier, account } = request;
        self.calls.record(format!("authentication_url {redirect_uri} {account:?}"));
        if self.is_unavailable.load(Ordering::Relaxed) {
            return Err(ProviderUnavailable { why: "not yet".to_owned(), is_about_settings: false });
        }
        let (nonce, verifier) = (nonce.expose(), code_verifier.expose());
        Ok(Url::parse(&format!("{ISSUER}/authorize?{state}&{nonce}&{verifier}")).unwrap())
    }

    fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), WrongIssuer> {
        self.calls.record("check_response_issuer");
        let got = iss.unwrap_or("nothing").to_owned();
        if got == ISSUER { Ok(()) } else { Err(WrongIssuer { expected: ISSUER.to_owned(), got }) }
    }

    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>> {
        async move {
            let CodeExchange { code, redirect_uri, code_verifier, nonce } = exchange;
            let [code, verifier, nonce] = [code, code_verifier, nonce].map(Secret::expose);
            self.calls.record(format!("exchange {code} {redirect_uri} {verifier} {nonce}"));
            let set = self.exchanged.with(Option::take);
            set.unwrap_or_else(|| Ok(signed_in(claims_of("alice", "dev"))))
        }
        .boxed()
    }

    fn refresh<'a>(&'a self, request: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>> {
        async move {
            let RefreshRequest { refresh_token, subject } = request;
            self.calls.record(format!("refresh {} {subject}", refresh_token.expose()));
            let mut is_held = self.is_held.subscribe();
            is_held.wait_for(|is_held| !is_held).await.unwrap();
            let answer = self.refreshes.with(VecDeque::pop_front);
            answer.map_or_else(|| Ok(refreshed()), |answer| answer())
        }
        .boxed()
    }

    fn revoke<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>> {
        self.calls.record(format!("revoke {}", refresh_token.expose()));
        async { Ok(true) }.boxed()
    }

    fn end_session_endpoint(&self) -> Option<Url> {
        let url = Url::parse(ISSUER).unwrap();
        self.has_end_session_endpoint.load(Ordering::Relaxed).then_some(url)
    }

    fn end_session<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<(), RefreshError>> {
        self.calls.record(format!("end session {}", refresh_token.expose()));
        async { Ok(()) }.boxed()
    }

    fn logout_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>> {
        panic!("no flow under test takes a logout token")
    }

    fn largest_claims(&self, id_token: &Secret) -> Vec<ClaimSize> {
        self.calls.record(format!("largest_claims {}", id_token.expose()));
        vec![ClaimSize { name: "picture".to_owned(), bytes: 20_014 }]
    }

    fn state(&self) -> ProviderState {
        panic!("no flow under test reads the provider's state")
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn announces_unrequested_scope(&self, scope: &str) -> bool {
        scope == "groups" && self.announces_groups.load(Ordering::Relaxed)
    }

    fn answers(&self) -> bool {
        !self.is_silent.load(Ordering::Relaxed)
    }
}

/// Returns the claims of a user in one group.
pub(crate) fn claims_of(user: &str, group: &str) -> Claims {
    let claims = [("preferred_username", user), ("groups", group), ("sid", "sid-of-provider")];
    claims.map(|(name, text)| (name.to_owned(), Claim::Text(text.to_owned()))).into()
}

/// Returns verified tokens whose ID token has these claims.
pub(crate) fn signed_in(claims: Claims) -> SignedIn {
    let later = UnixTime(NOW.0 + 300);
    SignedIn {
        tokens: TokenSet {
            id_token: Secret::new("verified-id-token"),
            refresh_token: Some(Secret::new("first")),
            expires_at: later,
            requested_at: NOW,
            id_token_issued_at: NOW,
            authentication: Authentication::default(),
            id_token_expires_at: later,
            refresh_expires_at: None,
        },
        subject: "1".to_owned(),
        claims,
    }
}

/// Returns new tokens, with the refresh token `second`.
pub(crate) fn refreshed() -> Refreshed {
    let later = UnixTime(NOW.0 + 600);
    Refreshed {
        id_token: Some(RefreshedIdToken {
            text: Secret::new("second-id-token"),
            expires_at: later,
            authentication: Authentication::default(),
            claims: claims_of("alice", "dev"),
        }),
        refresh_token: Some(Secret::new("second")),
        access_expires_at: Some(later),
        refresh_expires_at: None,
    }
}
