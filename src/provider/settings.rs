//! What must be known before the provider can be asked anything?

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::algorithm::Algorithm;
use super::client_assertion::ClientKey;
use crate::secret::Secret;

/// How we prove to the token endpoint who we are (OpenID Connect Core §9).
#[derive(Clone)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: in the `Authorization` field, form-encoded first (RFC 6749 §2.3.1).
    Basic(Secret),
    /// `client_secret_post`: in the body.
    Post(Secret),
    /// `private_key_jwt`: by an assertion that our key has signed (RFC 7523 §2.2).
    PrivateKey {
        /// The key.
        key: ClientKey,
        /// What the assertion's `aud` is, if not the issuer.
        audience: Option<String>,
    },
    /// `none`: a public client, which PKCE protects.
    None,
}

/// Where the provider is asked what, as far as its discovery document is not to say.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Where people sign in (OpenID Connect Core §3.1.2).
    pub authorization: Option<Url>,
    /// Where codes become tokens (§3.1.3).
    pub token: Option<Url>,
    /// Where the keys are (RFC 7517 §5).
    pub jwks: Option<Url>,
    /// Where more claims are (§5.3).
    pub userinfo: Option<Url>,
    /// Where people sign out (OpenID Connect RP-Initiated Logout §2).
    pub end_session: Option<Url>,
}

/// The provider, and who we are to it.
#[derive(Clone)]
pub struct ProviderSettings {
    /// The issuer, exactly as metadata and tokens name it.
    pub issuer: String,
    /// Where we reach the provider, if that is not where browsers reach it.
    pub backchannel_url: Option<Url>,
    /// Whether the discovery document is fetched; without it the first three of `endpoints` are set.
    pub discovery: bool,
    /// What goes before the discovery document.
    pub endpoints: Endpoints,
    /// Hosts, in lower case, that endpoints of the discovery document may lie on beside the issuer's own.
    pub endpoint_hosts: Vec<String>,
    /// Our name at the provider.
    pub client_id: String,
    /// What `aud` of an ID token must hold, if that is not our name.
    pub audience: Option<String>,
    /// What else `aud` may hold.
    pub trusted_audiences: Vec<String>,
    /// How we prove it.
    pub client_authentication: ClientAuthentication,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
    /// More parameters of the authentication request.
    pub authorization_parameters: BTreeMap<String, String>,
    /// Whether userinfo is asked for claims that the ID token lacks.
    pub userinfo: bool,
    /// Certificates (PEM) of an authority to believe beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// The signatures an ID token may carry.
    pub signing_algorithms: Vec<Algorithm>,
    /// By how much the provider's clock and ours may differ.
    pub leeway: Duration,
    /// How long a call may take, from waiting for its turn to the last byte.
    pub timeout: Duration,
    /// Whether it bears a refresh token that comes a second time because its answer was lost.
    pub bears_reuse: bool,
}
