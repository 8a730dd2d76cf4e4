//! Authentication of a user: the request to the provider, and what its ID token says about it

use std::time::Duration;

use super::UnixTime;
use crate::secret::Secret;

/// The parameters of an authentication request (OpenID Connect Core §3.1.2.1), in addition to configured ones.
pub struct AuthenticationRequest<'a> {
    /// `redirect_uri`: exactly the callback of the origin that the user visits.
    pub redirect_uri: &'a str,
    /// `state` (RFC 6749 §10.12).
    pub state: &'a str,
    /// `nonce`.
    pub nonce: &'a Secret,
    /// The PKCE verifier. The request contains its challenge (RFC 7636 §4.2, always S256).
    pub code_verifier: &'a Secret,
    /// The account to sign in with.
    pub account: Account,
}

/// How long an authentication lets a user do what a stolen cookie must not do.
pub const RECENT_AUTHENTICATION: Duration = Duration::from_mins(10);

/// The account that a user wants to sign in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The account that is signed in at the provider already.
    Known,
    /// Possibly another account: the provider asks for credentials again (`prompt=login`).
    Another,
    /// The account of [`Self::Known`], after an authentication within [`RECENT_AUTHENTICATION`] (`max_age`).
    Recent,
    /// The account of [`Self::Known`], and the provider may show pages for it: a configured `prompt=none` is not sent.
    Interactive,
}

/// When and how a user authenticated at the provider, if the ID token contains it (OpenID Connect Core §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// `auth_time`, by the provider's clock. It is ahead of the gateway's clock by at most the leeway.
    pub auth_time: Option<UnixTime>,
    /// `acr`, 1 to 255 bytes.
    pub acr: Option<String>,
}
