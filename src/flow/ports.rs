//! What does a flow need of the world?
//!
//! Time, randomness, the provider and the session store are arguments: a flow can be run in a test without any of them
//! being real.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, header};
use thiserror::Error;
use url::Url;

use crate::access::claims::Claims;
use crate::access::decision::{Credential, Outage};
use crate::access::headers::WriteText;
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::return_to::ReturnTo;
use crate::secret::Secret;

/// Seconds since 1970-01-01T00:00:00Z, the unit of every time in a token (RFC 7519 §2, NumericDate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Later by a duration, in whole seconds.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// The whole seconds from `earlier` until this time; none if it lies ahead.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixTime;
}

/// Where randomness comes from.
pub trait Entropy: Send + Sync {
    /// Fills the buffer from a cryptographically secure source; fails only if the system has none to give.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system gave no randomness: nothing may be sealed or started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gave no randomness")]
pub struct NoEntropy;

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

    /// Whether it can be used now.
    fn state(&self) -> ProviderState;
}

/// A session that is about to begin.
pub struct NewSession<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// With which tokens.
    pub tokens: &'a TokenSet,
}

/// An open session, borrowed from the [`Workspace`] it was opened in.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Who, and the ID token.
    pub credential: Credential<'a>,
    /// When the person signed in.
    pub signed_in_at: UnixTime,
    /// When it ends.
    pub ends_at: UnixTime,
}

/// Why there is no usable session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// No session cookie came.
    NoCookie,
    /// A session cookie came that is not ours, was changed, is incomplete or came twice.
    Refused,
    /// The session, or its tokens, ran out.
    Expired,
}

/// What opening a session gave.
pub enum Opened<'a> {
    /// A usable session.
    Session(Session<'a>),
    /// None, and why.
    Absent(Absence),
    /// Cannot be told now.
    Unknown(Outage),
}

/// The bytes an opened session is borrowed from: one buffer for a whole check.
#[derive(Default)]
pub struct Workspace(Vec<u8>);

impl Workspace {
    /// No room yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for `bytes`, all zero.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.0.clear();
        self.0.resize(bytes, 0);
        &mut self.0
    }
}

/// A session does not fit into the cookies a browser keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BeginError {
    /// More than four cookies.
    #[error("the session needs {bytes} bytes of cookie, more than a browser and the proxies carry")]
    TooLarge {
        /// How many it needs.
        bytes: usize,
    },
    /// Nothing can be sealed.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// Where sessions live.
pub trait SessionStore: Send + Sync {
    /// Opens the session that the request's cookies hold for an origin.
    fn open<'w>(
        &self,
        workspace: &'w mut Workspace,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Opened<'w>;

    /// Begins a session: the `Set-Cookie` values that carry it, and that remove what an older one left in `headers`.
    fn begin(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError>;

    /// Ends the session: the `Set-Cookie` values that remove it.
    fn end(&self, headers: &HeaderMap, origin: &Origin) -> Vec<HeaderValue>;

    /// Writes the request's cookies without any of ours, for the application: one `Cookie` value, or nothing.
    fn write_others(&self, headers: &HeaderMap, buffer: &mut Vec<u8>);
}

/// The cookies of a request that are not ours.
pub struct OtherCookies<'a> {
    /// Knows which are ours.
    pub sessions: &'a dyn SessionStore,
    /// The request's header fields.
    pub headers: &'a HeaderMap,
}

impl WriteText for OtherCookies<'_> {
    fn max_len(&self) -> usize {
        self.headers.get_all(header::COOKIE).iter().map(|value| value.len() + "; ".len()).sum()
    }

    fn write(&self, buffer: &mut Vec<u8>) {
        self.sessions.write_others(self.headers, buffer);
    }
}

/// One attempt to sign in, from `/oauth2/start` to the callback.
pub struct LoginTransaction {
    /// `state`: what the provider gives back.
    pub state: String,
    /// `nonce`: what the ID token must hold.
    pub nonce: Secret,
    /// The PKCE verifier.
    pub code_verifier: Secret,
    /// Where the person wanted to go.
    pub return_to: ReturnTo,
}

/// Where login transactions live: in the browser that began them.
pub trait LoginStore: Send + Sync {
    /// Keeps a transaction: the `Set-Cookie` values for it, and that drop the oldest where there are too many.
    fn keep(
        &self,
        transaction: &LoginTransaction,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy>;

    /// The transaction of a `state`, if this browser began it and it is not over.
    fn find(
        &self,
        state: &str,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Option<LoginTransaction>;

    /// The `Set-Cookie` value that removes the transaction of a `state`.
    fn forget(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;
}
