//! The port to the OpenID Provider

use std::time::Duration;

use futures_util::future::BoxFuture;
use thiserror::Error;
use url::Url;

use super::UnixTime;
use super::authentication::{Authentication, AuthenticationRequest};
use crate::access::claims::Claims;
use crate::secret::Secret;

/// The index of a configured issuer. There is one issuer, with index 0.
///
/// `sub`, `sid` and `jti` are names of one issuer, and mean nothing at another. Sessions store the index, so the
/// index of an issuer must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerIndex(pub u16);

impl IssuerIndex {
    /// The first issuer.
    pub const FIRST: Self = Self(0);
}

/// The token request for a code (OpenID Connect Core §3.1.3.1), with the value that the ID token must match.
pub struct CodeExchange<'a> {
    /// The authorization code.
    pub code: &'a Secret,
    /// The `redirect_uri` of the authentication request.
    pub redirect_uri: &'a str,
    /// The PKCE verifier.
    pub code_verifier: &'a Secret,
    /// The expected `nonce` of the ID token.
    pub nonce: &'a Secret,
}

/// The verified tokens of a sign-in. Of the access token, only the expiry is kept.
pub struct TokenSet {
    /// The ID token as signed by the provider.
    pub id_token: Secret,
    /// The refresh token, if the provider issued one.
    pub refresh_token: Option<Secret>,
    /// The earlier expiry of ID token and access token.
    pub expires_at: UnixTime,
    /// When the gateway requested the tokens, by the gateway's clock.
    pub requested_at: UnixTime,
    /// `iat` of the ID token, by the provider's clock.
    pub id_token_issued_at: UnixTime,
    /// When and how the user authenticated.
    pub authentication: Authentication,
    /// The expiry of the ID token.
    pub id_token_expires_at: UnixTime,
    /// The expiry of the refresh token, if the provider sends `refresh_expires_in`, as Keycloak does. A value of 0 in
    /// the response means that the token does not expire.
    pub refresh_expires_at: Option<UnixTime>,
}

/// A user who was authenticated by the provider.
pub struct SignedIn {
    /// The tokens.
    pub tokens: TokenSet,
    /// `sub` of the ID token.
    pub subject: String,
    /// All claims of the ID token.
    pub claims: Claims,
}

/// Why the exchange of a code failed.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// Metadata or keys are not loaded, or the request failed. A later sign-in may succeed.
    #[error("the provider cannot be reached: {0}")]
    ProviderUnavailable(String),
    /// The provider refused the code: it was used already, has expired, or was not issued to the gateway.
    #[error("the provider refused the code: {0}")]
    CodeRefused(String),
    /// The provider refused the gateway's client id, secret or authentication method. The text names the settings to
    /// check.
    #[error("the provider refused this client: {0}")]
    ClientRefused(String),
    /// The response or the ID token breaks a rule of the protocol.
    #[error("the provider's response is not acceptable: {0}")]
    ProviderMisbehaved(String),
    /// The settings here or at the provider do not fit each other.
    #[error("the settings do not fit the provider: {0}")]
    Misconfigured(String),
    /// The user authenticated too long ago, or in another way than the settings require.
    #[error("the user's authentication is not sufficient: {0}")]
    InsufficientAuthentication(String),
    /// The tokens have expired, or are not valid yet, by the gateway's clock. A session with them would end at once.
    #[error("the provider's tokens are not valid at the gateway's current time: {0}")]
    ClocksDiffer(String),
}

/// The token request for new tokens (OpenID Connect Core §12.1), with the `sub` that the new ID token must have.
pub struct RefreshRequest<'a> {
    /// The refresh token.
    pub refresh_token: &'a Secret,
    /// `sub` of the session. Tokens of another user are refused (§12.2).
    pub subject: &'a str,
}

/// The verified result of a refresh.
///
/// If userinfo is configured and cannot be reached, the result has only the new refresh token and its expiry. The old
/// refresh token is spent, so the new one must not be lost. The claims could not be refreshed, so they expire when they
/// would have expired before.
pub struct Refreshed {
    /// The new ID token, if the provider issued one (§12.2 does not require it).
    pub id_token: Option<RefreshedIdToken>,
    /// The new refresh token. Without one, the old refresh token stays valid (RFC 6749 §6).
    pub refresh_token: Option<Secret>,
    /// The expiry of the access token, if the provider sends it. Without it and without an ID token, no expiry changes.
    pub access_expires_at: Option<UnixTime>,
    /// The expiry of the refresh token, as in [`TokenSet`].
    pub refresh_expires_at: Option<UnixTime>,
}

/// The ID token of a refresh, with the same issuer, user and audience as the first one.
pub struct RefreshedIdToken {
    /// The ID token as signed by the provider.
    pub text: Secret,
    /// `exp`.
    pub expires_at: UnixTime,
    /// When and how the user authenticated. Values that are missing here do not change.
    pub authentication: Authentication,
    /// All claims, including those of userinfo if it is configured.
    pub claims: Claims,
}

/// Why a refresh failed.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The provider did not receive the request, or responded that it cannot handle it now (5xx, 429). The same refresh
    /// token may be sent again, but not before `retry_after`.
    #[error("the provider cannot be reached: {why}")]
    Unavailable {
        /// The cause, for the log.
        why: String,
        /// `Retry-After`, if the provider sent it.
        retry_after: Option<Duration>,
    },
    /// The provider refused the gateway (`invalid_client`, `unauthorized_client`). The session is not affected. The text
    /// names the settings to check.
    #[error("the provider refused this client: {0}")]
    ClientRefused(String),
    /// The request was sent, but the response is missing or unreadable. The refresh token may be spent.
    #[error("the refresh token may be spent: {0}")]
    OutcomeUnknown(String),
    /// `invalid_grant`: the refresh token is no longer valid, and the session at the provider has ended.
    #[error("the provider refused the refresh token: {0}")]
    GrantRefused(String),
    /// The new ID token breaks a rule of the protocol, or belongs to another user.
    #[error("the provider's response is not acceptable: {0}")]
    ProviderMisbehaved(String),
}

/// A verified logout token (OpenID Connect Back-Channel Logout §2.4).
///
/// It may be a replay, so it must not end a session that began after it first arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// The issuer of the token. The token ends no session of another issuer.
    pub issuer: IssuerIndex,
    /// `jti`.
    pub token_id: String,
    /// `iat`, by the provider's clock.
    pub issued_at: UnixTime,
    /// Until when it is accepted, by the gateway's clock: the earlier of `exp` and ten minutes after `iat`, plus the
    /// leeway.
    pub accepted_until: UnixTime,
    /// The sessions that end.
    pub whom: Whom,
}

/// The sessions that ended at the provider: all sessions of a user, or the session of a `sid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// One session of the provider.
    Session {
        /// `sid`.
        sid: String,
        /// `sub`, if present. Sessions of this user without a known `sid` end too, because the token may mean one of
        /// them.
        subject: Option<String>,
    },
    /// `sub` without `sid`: all sessions of the user.
    Subject(String),
}

/// Why a logout token is refused (§2.6).
#[derive(Debug, Error)]
pub enum LogoutTokenError {
    /// Keys are not loaded, or newer keys cannot be fetched now. The same token may be acceptable later.
    #[error("the provider cannot be reached: {0}")]
    ProviderUnavailable(String),
    /// The token breaks a rule.
    #[error("the logout token is not acceptable: {0}")]
    NotAcceptable(String),
}

/// The state of the provider, as `/readyz` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// Metadata and keys are loaded.
    Ready,
    /// Metadata or keys were not fetched yet, or are not acceptable. The text is the cause, for the operator.
    Unavailable(String),
}

/// The provider cannot be used now: its metadata has not been loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the provider's metadata is not loaded: {why}")]
pub struct ProviderUnavailable {
    /// The cause, for the operator.
    pub why: String,
    /// Whether waiting does not help, because the settings or the provider must change first.
    pub is_about_settings: bool,
}

/// The `iss` of an authorization response is not acceptable (RFC 9207 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the authorization response is from the wrong issuer: expected {expected}, got {got}")]
pub struct WrongIssuer {
    /// The configured issuer.
    pub expected: String,
    /// The received `iss`, or `nothing`.
    pub got: String,
}

/// A claim of an ID token, and how much of the token it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSize {
    /// Its name, text of the provider.
    pub name: String,
    /// The size of its value as JSON, in bytes.
    pub bytes: usize,
}

/// The OpenID Provider.
pub trait IdentityProvider: Send + Sync {
    /// Waits for the result of the first load of the documents, but not longer than some seconds. Later, it returns at
    /// once.
    fn first_answer(&self) -> BoxFuture<'_, ()>;

    /// Returns the URL of an authentication request, to which the user is redirected.
    fn authentication_url(&self, request: &AuthenticationRequest<'_>) -> Result<Url, ProviderUnavailable>;

    /// Checks the `iss` parameter of an authorization response (RFC 9207 §2.4), an error response included.
    fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), WrongIssuer>;

    /// Exchanges a code and verifies the ID token (OpenID Connect Core §3.1.3).
    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> BoxFuture<'a, Result<SignedIn, ExchangeError>>;

    /// Requests new tokens and verifies them (OpenID Connect Core §12).
    fn refresh<'a>(&'a self, request: RefreshRequest<'a>) -> BoxFuture<'a, Result<Refreshed, RefreshError>>;

    /// Revokes a refresh token (RFC 7009). At some providers this ends the session there too. Returns false if the
    /// provider has no revocation endpoint.
    fn revoke<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<bool, RefreshError>>;

    /// Ends the session of a refresh token without the user's browser, if the provider can do that (Keycloak).
    fn end_session<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, Result<(), RefreshError>>;

    /// Returns at most three claims of an ID token, the largest first. They explain why a session is too large.
    fn largest_claims(&self, _id_token: &Secret) -> Vec<ClaimSize> {
        Vec::new()
    }

    /// Verifies a logout token (OpenID Connect Back-Channel Logout §2.6), but does not check its `jti` for a replay.
    fn logout_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<LogoutToken, LogoutTokenError>>;

    /// Returns the endpoint to which users are redirected to sign out at the provider too (OpenID Connect
    /// RP-Initiated Logout §2), if known.
    fn end_session_endpoint(&self) -> Option<Url>;

    /// Returns whether the provider can be used now.
    fn state(&self) -> ProviderState;

    /// Returns the reasons why sign-ins will fail, according to the provider's own documents. Each names what to
    /// change.
    fn warnings(&self) -> Vec<String>;

    /// Returns whether the provider announces a scope that sign-ins do not request.
    fn announces_unrequested_scope(&self, _scope: &str) -> bool {
        false
    }

    /// Returns whether the provider answered the last call to it.
    fn answers(&self) -> bool;
}
