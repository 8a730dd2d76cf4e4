//! What is asked of the OpenID Provider?

use futures_util::future::BoxFuture;
use thiserror::Error;
use url::Url;

use super::UnixTime;
use crate::access::claims::Claims;
use crate::secret::Secret;

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

/// The provider's tokens, verified; of the access token only its end is kept.
pub struct TokenSet {
    /// The ID token as the provider signed it.
    pub id_token: Secret,
    /// The refresh token, where one was given.
    pub refresh_token: Option<Secret>,
    /// The earlier end of ID token and access token.
    pub expires_at: UnixTime,
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
    #[error("the provider refused this client: {0}")]
    ClientRefused(String),
    /// The answer or the ID token breaks a rule of the protocol.
    #[error("the provider's answer is not acceptable: {0}")]
    ProviderMisbehaved(String),
    /// The tokens are over, or not valid yet, by our clock: a session made of them would end at once.
    #[error("the provider's tokens do not fit the time here: {0}")]
    ClocksDiffer(String),
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

    /// Where a person is sent to sign out at the provider too (OpenID Connect RP-Initiated Logout §2), where that is
    /// known.
    fn end_session_endpoint(&self) -> Option<Url>;

    /// Whether it can be used now.
    fn state(&self) -> ProviderState;
}
