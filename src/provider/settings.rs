//! What must be known before the provider can be asked anything?

use std::time::Duration;

use thiserror::Error;

use super::algorithm::Algorithm;
use crate::secret::Secret;
use crate::trust::TrustError;

/// How we prove to the token endpoint who we are (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Client id and secret in the `Authorization` field, form-encoded first (RFC 6749 §2.3.1).
    SecretBasic,
    /// Client id and secret in the body.
    SecretPost,
    /// Only the client id: a public client, which PKCE protects.
    None,
}

impl ClientAuthentication {
    const ALL: [Self; 3] = [Self::SecretBasic, Self::SecretPost, Self::None];

    /// The method of a name in `token_endpoint_auth_methods_supported`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// The name in `token_endpoint_auth_methods_supported`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::None => "none",
        }
    }
}

/// The provider, and who we are to it.
pub struct ProviderSettings {
    /// The issuer, exactly as metadata and tokens name it.
    pub issuer: String,
    /// Where we reach the provider, if that is not where browsers reach it.
    pub backchannel_url: Option<String>,
    /// Our name at the provider.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Option<Secret>,
    /// How the secret is shown.
    pub client_authentication: ClientAuthentication,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
    /// More parameters of the authentication request.
    pub authorization_parameters: Vec<(String, String)>,
    /// Certificates (PEM) of an authority to believe beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// The signatures an ID token may carry.
    pub signing_algorithms: Vec<Algorithm>,
    /// By how much the provider's clock and ours may differ.
    pub leeway: Duration,
    /// How long a call may take, from waiting for its turn to the last byte.
    pub timeout: Duration,
}

/// Settings with which the provider could never be asked.
#[derive(Debug, Error)]
pub enum UnusableSettings {
    /// The issuer is no URL.
    #[error("provider.issuer is not a URL")]
    Issuer,
    /// The back-channel URL is no URL.
    #[error("provider.backchannel_url is not a URL")]
    BackchannelUrl,
    /// There is nobody to believe.
    #[error("provider.ca_file: {0}")]
    Trust(#[from] TrustError),
}
