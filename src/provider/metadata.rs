//! What does the provider say about itself, and may we believe it?
//!
//! 1. The document's `issuer` is the configured one, to the last character (OpenID Connect Discovery §4.3).
//! 2. A browser is sent over https only, unless the configured issuer itself is http or the host is this machine.
//! 3. The same for our own calls, which the configured back-channel URL may allow to be http as well.
//!
//! Of openidconnect's metadata only the URL types are used: the whole type refuses a document for an odd value in a
//! field that nobody here reads.

use oauth2::{AuthUrl, TokenUrl};
use openidconnect::JsonWebKeySetUrl;
use serde::Deserialize;
use thiserror::Error;
use url::{Host, Url};

use super::http::{Http, HttpError};
use super::quoted::quoted;
use super::settings::ProviderSettings;

const MOST_BYTES: usize = 256 * 1024;

/// What is used of the metadata (OpenID Connect Discovery §3).
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: AuthUrl,
    pub(super) token_endpoint: TokenUrl,
    pub(super) jwks_uri: JsonWebKeySetUrl,
    /// RFC 9207 §3.
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(super) names_itself_in_responses: bool,
}

/// Why there is no metadata.
#[derive(Debug, Error)]
pub(super) enum MetadataError {
    #[error("the discovery document cannot be loaded: {0}")]
    Call(#[from] HttpError),
    #[error("the discovery document cannot be read: {0}")]
    Unreadable(String),
    #[error("provider.issuer is {expected}, but the provider calls itself {got}; they must be the same text")]
    WrongIssuer { expected: String, got: String },
    #[error("the provider's {name} is {url}, which is not https, although provider.issuer is")]
    NotEncrypted { name: &'static str, url: String },
}

impl Metadata {
    pub(super) async fn load(http: &Http, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::read(&http.get(&document(settings)?, MOST_BYTES).await?, settings)
    }

    fn read(body: &[u8], settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let metadata: Self = serde_json::from_slice(body).map_err(unreadable)?;
        if metadata.issuer != settings.issuer {
            let (expected, got) = (settings.issuer.clone(), quoted(&metadata.issuer));
            return Err(MetadataError::WrongIssuer { expected, got });
        }
        let browser = is_plain(&settings.issuer);
        let ourselves = browser || settings.backchannel_url.as_ref().map(Url::as_str).is_some_and(is_plain);
        encrypted("authorization_endpoint", metadata.authorization_endpoint.url(), browser)?;
        encrypted("token_endpoint", metadata.token_endpoint.url(), ourselves)?;
        encrypted("jwks_uri", metadata.jwks_uri.url(), ourselves)?;
        Ok(metadata)
    }
}

/// Where the document is: a slash at the end of the issuer is not repeated (OpenID Connect Discovery §4.1).
fn document(settings: &ProviderSettings) -> Result<Url, MetadataError> {
    let base = settings.backchannel_url.as_ref().map_or(&*settings.issuer, Url::as_str);
    let base = base.strip_suffix('/').unwrap_or(base);
    Url::parse(&format!("{base}/.well-known/openid-configuration")).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn unreadable(error: impl ToString) -> MetadataError {
    MetadataError::Unreadable(quoted(&error.to_string()))
}

fn is_plain(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http")
}

fn encrypted(name: &'static str, url: &Url, plain_allowed: bool) -> Result<(), MetadataError> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if plain_allowed || is_loopback(url) => Ok(()),
        _ => Err(MetadataError::NotEncrypted { name, url: quoted(url.as_str()) }),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
