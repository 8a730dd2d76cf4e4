//! What is asked of the OpenID Provider?

use std::time::Duration;

use futures_util::future::BoxFuture;
use thiserror::Error;
use url::Url;

use super::UnixTime;
use crate::access::claims::Claims;
use crate::secret::Secret;

/// Which of the configured issuers; there is one, with index 0.
///
/// `sub`, `sid` and `jti` are names of one issuer, and mean nothing at another. Sessions keep the index, so that an issuer
/// must keep its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerIndex(pub u16);

impl IssuerIndex {
    /// The first issuer.
    pub const FIRST: Self = Self(0);
}

/// What is asked of the provider at its authorization endpoint (OpenID Connect Core §3.1.2.1), beside what is
/// configured.
pub struct AuthenticationRequest<'a> {
    /// `redirect_uri`: exactly the callback of the origin the person uses.
    pub redirect_uri: &'a str,
    /// `state` (RFC 6749 §10.12).
    pub state: &'a str,
    /// `nonce`.
    pub nonce: &'a Secret,
    /// The PKCE verifier, of which the challenge is sent (RFC 7636 §4.2, S256 always).
    pub code_verifier: &'a Secret,
    /// Whom to sign in.
    pub account: Account,
}

/// Whom a person wants to sign in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Whoever the provider knows already.
    Known,
    /// Perhaps somebody else: the provider asks again (`prompt=login`).
    Another,
}

/// What is sent to the token endpoint (OpenID Connect Core §3.1.3.1), and what its ID token must match.
pub struct CodeExchange<'a> {
    /// The authorization code.
    pub code: &'a Secret,
    /// The same as in the authentication request.
    pub redirect_uri: &'a str,
    /// The PKCE verifier.
    pub code_verifier: &'a Secret,
    /// What the ID token's `nonce` must be.
    pub nonce: &'a Secret,
}

/// When and how a user authenticated at the provider, as far as the ID token says it (OpenID Connect Core §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// `auth_time`, by the provider's clock; never ahead of ours by more than the leeway.
    pub auth_time: Option<UnixTime>,
    /// `acr`, 1 to 255 bytes.
    pub acr: Option<String>,
}

/// The provider's tokens, verified; of the access token only its end is kept.
pub struct TokenSet {
    /// The ID token as the provider signed it.
    pub id_token: Secret,
    /// The refresh token, where one was given.
    pub refresh_token: Option<Secret>,
    /// The earlier end of ID token and access token.
    pub expires_at: UnixTime,
    /// When the provider was asked for them, by our clock.
    pub requested_at: UnixTime,
    /// `iat` of the ID token, by the provider's clock.
    pub id_token_issued_at: UnixTime,
    /// When and how the user authenticated.
    pub authentication: Authentication,
    /// The end of the ID token.
    pub id_token_expires_at: UnixTime,
    /// The end of the refresh token, where the provider tells (`refresh_expires_in`, which Keycloak sends); 0 there means
    /// that it has none.
    pub refresh_expires_at: Option<UnixTime>,
}

/// A person whom the provider vouches for.
pub struct SignedIn {
    /// The tokens.
    pub tokens: TokenSet,
    /// `sub` of the ID token.
    pub subject: String,
    /// All claims of the ID token.
    pub claims: Claims,
}

/// Where the operator looks if the provider refuses us.
const CLIENT_SETTINGS: &str = "see provider.client_id and provider.client_authentication, with provider.client_secret or \
                               provider.client_key";

/// Why a code made no session.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// Metadata or keys are not there yet, or the call failed; a later sign-in may succeed.
    #[error("the provider cannot be reached: {0}")]
    ProviderUnavailable(String),
    /// The provider refused the code: used already, expired, or not ours.
    #[error("the provider refused the code: {0}")]
    CodeRefused(String),
    /// The provider refused us: client id, secret or authentication method.
    #[error("the provider refused this client: {0}; {CLIENT_SETTINGS}")]
    ClientRefused(String),
    /// The answer or the ID token breaks a rule of the protocol.
    #[error("the provider's answer is not acceptable: {0}")]
    ProviderMisbehaved(String),
    /// The tokens are over, or not valid yet, by our clock: a session made of them would end at once.
    #[error("the provider's tokens do not fit the time here: {0}")]
    ClocksDiffer(String),
}

/// What is sent to the token endpoint for new tokens (OpenID Connect Core §12.1), and what their ID token must keep.
pub struct RefreshRequest<'a> {
    /// The refresh token.
    pub refresh_token: &'a Secret,
    /// `sub` of the session: another person's tokens are refused (§12.2).
    pub subject: &'a str,
}

/// What the provider gave for a refresh token, verified.
///
/// Where userinfo is to be asked and cannot be, there are the new refresh token and its end alone: the old refresh token
/// is used up, so the new one is not lost, and claims that nobody could renew do not live longer than they did before.
pub struct Refreshed {
    /// The new ID token, where one was given (§12.2 lets the provider give none).
    pub id_token: Option<RefreshedIdToken>,
    /// The new refresh token; where there is none, the old one stays good (RFC 6749 §6).
    pub refresh_token: Option<Secret>,
    /// The end of the access token, where the provider tells; with neither this nor an ID token nothing got a new end.
    pub access_expires_at: Option<UnixTime>,
    /// The end of the refresh token, as in [`TokenSet`].
    pub refresh_expires_at: Option<UnixTime>,
}

/// An ID token that a refresh brought: of the same issuer, person and audience as the first.
pub struct RefreshedIdToken {
    /// As the provider signed it.
    pub text: Secret,
    /// `exp`.
    pub expires_at: UnixTime,
    /// When and how the user authenticated; what it does not say stays as it was.
    pub authentication: Authentication,
    /// All claims, those of userinfo among them where it is asked.
    pub claims: Claims,
}

/// Why a refresh brought nothing.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The provider did not get the request, or says that it cannot answer it now (5xx, 429): the same refresh token may
    /// be sent again, not before `retry_after`.
    #[error("the provider cannot be reached: {why}")]
    Unavailable {
        /// Why, for the log.
        why: String,
        /// `Retry-After`, where the provider said it.
        retry_after: Option<Duration>,
    },
    /// The provider refused us (`invalid_client`, `unauthorized_client`): the session is as good as before.
    #[error("the provider refused this client: {0}; {CLIENT_SETTINGS}")]
    ClientRefused(String),
    /// The request was sent and no answer came, or none that can be read: the refresh token may have been used up.
    #[error("nobody knows whether the refresh token was used up: {0}")]
    OutcomeUnknown(String),
    /// `invalid_grant`: the refresh token is over, and with it the session at the provider.
    #[error("the provider refused the refresh token: {0}")]
    GrantRefused(String),
    /// The new ID token breaks a rule of the protocol, or is somebody else's.
    #[error("the provider's answer is not acceptable: {0}")]
    ProviderMisbehaved(String),
}

/// A logout token (OpenID Connect Back-Channel Logout §2.4), verified.
///
/// It may be a replay: no session may end that began after it first arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Whose token it is: it ends no session of another issuer.
    pub issuer: IssuerIndex,
    /// `jti`.
    pub token_id: String,
    /// `iat`, by the provider's clock.
    pub issued_at: UnixTime,
    /// Until when it is accepted, by our clock: the sooner of `exp` and ten minutes after `iat`, with the leeway.
    pub accepted_until: UnixTime,
    /// Whose sessions end.
    pub whom: Whom,
}

/// Whose sessions end at the provider: those of a person, or the one of a `sid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// The one session of the provider.
    Session {
        /// `sid`.
        sid: String,
        /// `sub` beside it: the person's sessions whose `sid` we were never told end too, as one of them may be meant.
        subject: Option<String>,
    },
    /// `sub` alone: all sessions of the person.
    Subject(String),
}

/// Why a logout token is refused (§2.6).
#[derive(Debug, Error)]
pub enum LogoutTokenError {
    /// Keys are not there yet, or newer ones cannot be had now: the same token may be good later.
    #[error("the provider cannot be reached: {0}")]
    ProviderUnavailable(String),
    /// It breaks a rule.
    #[error("the logout token is not acceptable: {0}")]
    NotAcceptable(String),
}

/// The state of the provider, as `/readyz` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// Metadata and keys are loaded.
    Ready,
    /// Not reached yet, or not acceptable; why, in words for the operator.
    Unavailable(String),
}

/// The provider cannot be used now: its metadata has not been loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the provider's metadata is not loaded: {0}")]
pub struct ProviderUnavailable(pub String);

/// The `iss` of an authorization response is not acceptable (RFC 9207 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the authorization response comes from the wrong issuer: expected {expected}, got {got}")]
pub struct WrongIssuer {
    /// The configured issuer.
    pub expected: String,
    /// What came, or `nothing`.
    pub got: String,
}

/// The OpenID Provider.
pub trait IdentityProvider: Send + Sync {
    /// The URL that sends a person to the provider.
    fn authentication_url(&self, request: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable>;

    /// Checks the `iss` parameter of an authorization response (RFC 9207 §2.4), an error response included.
    fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), WrongIssuer>;

    /// Exchanges a code and verifies the ID token (OpenID Connect Core §3.1.3).
    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>>;

    /// Asks for new tokens and verifies them (OpenID Connect Core §12).
    fn refresh<'a>(&'a self, request: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>>;

    /// Makes a refresh token worthless (RFC 7009), at some providers the session there too; false where the provider has
    /// no endpoint for that.
    fn revoke<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>>;

    /// Verifies a logout token (OpenID Connect Back-Channel Logout §2.6), except whether its `jti` came before.
    fn logout_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>>;

    /// Where a person is sent to sign out at the provider too (OpenID Connect RP-Initiated Logout §2), where that is
    /// known.
    fn end_session_endpoint(&self) -> Option<Url>;

    /// Whether it can be used now.
    fn state(&self) -> ProviderState;
}
