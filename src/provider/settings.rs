//! Settings of the provider client

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::algorithm::Algorithm;
use super::client_assertion::ClientKey;
use crate::secret::Secret;

/// Client authentication at the token endpoint (OpenID Connect Core §9).
#[derive(Clone)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: the secret, form-encoded, in the `Authorization` field (RFC 6749 §2.3.1).
    Basic(Secret),
    /// `client_secret_post`: the secret in the body.
    Post(Secret),
    /// `private_key_jwt`: an assertion signed with a private key (RFC 7523 §2.2).
    PrivateKey {
        /// The signing key.
        key: ClientKey,
        /// The assertion's `aud`, if it is not the issuer.
        audience: Option<String>,
    },
    /// `none`: a public client, protected by PKCE.
    None,
}

impl ClientAuthentication {
    /// Returns the registered name of the method (OpenID Connect Core §9).
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Basic(_) => "client_secret_basic",
            Self::Post(_) => "client_secret_post",
            Self::PrivateKey { .. } => "private_key_jwt",
            Self::None => "none",
        }
    }

    /// Returns what the operator must check if the provider refuses the client.
    pub(super) fn remedy(&self) -> String {
        let cause = match self {
            Self::Basic(_) | Self::Post(_) => "provider.client_id or the client secret is wrong",
            Self::PrivateKey { .. } => {
                return "check provider.client_id, provider.client_key, provider.client_key_id and \
                        provider.client_assertion_audience (private_key_jwt is set)"
                    .to_owned();
            }
            Self::None => "provider.client_id is wrong",
        };
        format!(
            "{cause}, or the provider expects another provider.client_authentication ({} is set)",
            self.method()
        )
    }
}

/// Configured endpoints, which take precedence over the discovery document.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The authorization endpoint (OpenID Connect Core §3.1.2).
    pub authorization: Option<Url>,
    /// The token endpoint (§3.1.3).
    pub token: Option<Url>,
    /// The JWK Set with the signing keys (RFC 7517 §5).
    pub jwks: Option<Url>,
    /// The userinfo endpoint, which returns more claims (§5.3).
    pub userinfo: Option<Url>,
    /// The end session endpoint for sign-out (OpenID Connect RP-Initiated Logout §2).
    pub end_session: Option<Url>,
}

/// The provider and the registration of this client.
#[derive(Clone)]
pub struct ProviderSettings {
    /// The issuer, exactly as in metadata and tokens.
    pub issuer: String,
    /// The base URL for calls from the gateway to the provider, if browsers use another one.
    pub backchannel_url: Option<Url>,
    /// Whether the discovery document is fetched. If not, the first three of `endpoints` are set.
    pub discovery: bool,
    /// Endpoints that take precedence over the discovery document.
    pub endpoints: Endpoints,
    /// Hosts, in lower case, that endpoints of the discovery document may have in addition to the issuer's host.
    pub endpoint_hosts: Vec<String>,
    /// The client ID at the provider.
    pub client_id: String,
    /// The audience that `aud` of an ID token must contain, if it is not the client ID.
    pub audience: Option<String>,
    /// Further audiences that `aud` may contain.
    pub trusted_audiences: Vec<String>,
    /// The client authentication method.
    pub client_authentication: ClientAuthentication,
    /// The requested scopes. `openid` is always requested.
    pub scopes: Vec<String>,
    /// Additional parameters of the authentication request.
    pub authorization_parameters: BTreeMap<String, String>,
    /// The values of `acr` that a sign-in may have. Every value, or none, if empty.
    pub required_acr: Vec<String>,
    /// Whether claims that the ID token lacks are requested from userinfo.
    pub userinfo: bool,
    /// PEM certificates of an authority that is trusted in addition to the system's authorities.
    pub ca_pem: Option<Vec<u8>>,
    /// The signature algorithms that an ID token may use. If `None`, the provider's announcement decides.
    pub signing_algorithms: Option<Vec<Algorithm>>,
    /// The tolerated difference between the provider's clock and the local clock.
    pub leeway: Duration,
    /// The timeout of a call, from waiting for its permit to the last byte.
    pub timeout: Duration,
    /// Whether the provider accepts a refresh token a second time after its response was lost.
    pub bears_reuse: bool,
}
