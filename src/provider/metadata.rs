//! Provider metadata from discovery and configuration
//!
//! 1. The document's `issuer` is exactly the configured one (OpenID Connect Discovery §4.3).
//! 2. An endpoint that the operator has configured is used unchanged, and its value in the document is ignored.
//! 3. Every other endpoint must pass the rules of `endpoint`. A revocation endpoint that fails them counts as absent,
//!    because no sign-in needs it.
//!
//! openidconnect's metadata type is not used: it rejects a whole document because of an unexpected value in a field
//! that Foregate does not read.

use oauth2::{AuthUrl, TokenUrl};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::endpoint::{self, Caller, Objection};
use super::http::{Http, HttpError};
use super::settings::ProviderSettings;
use crate::access::quoted::quoted;

const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// The metadata fields that Foregate uses (OpenID Connect Discovery §3).
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: AuthUrl,
    pub(super) token_endpoint: TokenUrl,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    /// See OpenID Connect RP-Initiated Logout §2.1.
    pub(super) end_session_endpoint: Option<Url>,
    /// See RFC 8414 §2.
    pub(super) revocation_endpoint: Option<Url>,
    /// Whether authorization responses contain `iss` (RFC 9207 §3).
    pub(super) names_itself_in_responses: bool,
}

/// The reason why no metadata is loaded.
#[derive(Debug, Error)]
pub(super) enum MetadataError {
    #[error("the discovery document cannot be loaded: {0}")]
    Call(#[from] HttpError),
    #[error("the discovery document cannot be read: {0}")]
    Unreadable(String),
    #[error(
        "provider.issuer is {expected}, but the issuer in the discovery document is {got}; they must be identical"
    )]
    WrongIssuer { expected: String, got: String },
    #[error("the provider's {name} is not a URL")]
    NotAUrl { name: &'static str },
    #[error("the provider names no {name}; set provider.endpoints.{key}")]
    Missing { name: &'static str, key: &'static str },
    #[error(
        "the provider's {locations}, which is neither the host of provider.issuer nor of provider.backchannel_url; if \
         the provider uses this host, add it to provider.endpoint_hosts"
    )]
    UnknownHosts { locations: String },
    #[error(
        "the provider's {name} is {url}, which is not https; plain http is allowed only for loopback and for the host \
         of an http provider.issuer or provider.backchannel_url"
    )]
    NotEncrypted { name: &'static str, url: String },
}

/// The fields of the document that are read.
#[derive(Default, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    names_itself_in_responses: bool,
}

impl Metadata {
    /// Loads the discovery document. Endpoints that the operator has configured take precedence.
    pub(super) async fn load(http: &Http, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::read(&http.get(&document_url(settings)?, MAX_DOCUMENT_BYTES).await?, settings)
    }

    /// Returns the metadata that the operator has configured, if discovery is disabled.
    pub(super) fn configured(settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::from_document(&Document::default(), settings)
    }

    pub(super) fn read(body: &[u8], settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let document: Document = serde_json::from_slice(body).map_err(unreadable)?;
        if document.issuer != settings.issuer {
            let (expected, got) = (settings.issuer.clone(), quoted(&document.issuer));
            return Err(MetadataError::WrongIssuer { expected, got });
        }
        Self::from_document(&document, settings)
    }

    fn from_document(document: &Document, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let configured = &settings.endpoints;
        let mut resolver = Resolver { settings, unknown_hosts: Vec::new() };
        let authorization = resolver.resolve(
            "authorization_endpoint",
            configured.authorization.as_ref(),
            document.authorization_endpoint.as_deref(),
        )?;
        let token = resolver.resolve(
            "token_endpoint",
            configured.token.as_ref(),
            document.token_endpoint.as_deref(),
        )?;
        let jwks = resolver.resolve("jwks_uri", configured.jwks.as_ref(), document.jwks_uri.as_deref())?;
        let userinfo = resolver.resolve(
            "userinfo_endpoint",
            configured.userinfo.as_ref(),
            document.userinfo_endpoint.as_deref(),
        )?;
        let end_session = resolver.resolve(
            "end_session_endpoint",
            configured.end_session.as_ref(),
            document.end_session_endpoint.as_deref(),
        )?;
        resolver.check_hosts()?;
        let missing = |name, key| MetadataError::Missing { name, key };
        if settings.userinfo && userinfo.is_none() {
            return Err(missing("userinfo_endpoint", "userinfo"));
        }
        let authorization = authorization.ok_or(missing("authorization_endpoint", "authorization"))?;
        Ok(Self {
            authorization_endpoint: AuthUrl::from_url(authorization),
            token_endpoint: TokenUrl::from_url(token.ok_or(missing("token_endpoint", "token"))?),
            jwks_uri: jwks.ok_or(missing("jwks_uri", "jwks"))?,
            userinfo_endpoint: userinfo,
            end_session_endpoint: end_session,
            revocation_endpoint: acceptable_endpoint(settings, document.revocation_endpoint.as_deref()),
            names_itself_in_responses: document.names_itself_in_responses,
        })
    }
}

/// Resolves endpoints from the configuration and the document.
struct Resolver<'s> {
    settings: &'s ProviderSettings,
    /// Endpoints on hosts that are not allowed. They are reported together, so that the operator can fix all of them
    /// at once.
    unknown_hosts: Vec<String>,
}

impl Resolver<'_> {
    fn resolve(
        &mut self,
        name: &'static str,
        configured: Option<&Url>,
        announced: Option<&str>,
    ) -> Result<Option<Url>, MetadataError> {
        let (None, Some(announced)) = (configured, announced) else { return Ok(configured.cloned()) };
        let url = Url::parse(announced).map_err(|_| MetadataError::NotAUrl { name })?;
        let browser = matches!(name, "authorization_endpoint" | "end_session_endpoint");
        let caller = if browser { Caller::Browser } else { Caller::Gateway };
        match endpoint::check(self.settings, &url, caller) {
            Ok(()) => {}
            Err(Objection::NotEncrypted) => {
                return Err(MetadataError::NotEncrypted { name, url: quoted(url.as_str()) });
            }
            Err(Objection::UnknownHost) => {
                self.unknown_hosts
                    .push(format!("{name} is at {}", quoted(url.host_str().unwrap_or("no host"))));
            }
        }
        Ok(Some(url))
    }

    fn check_hosts(&self) -> Result<(), MetadataError> {
        if self.unknown_hosts.is_empty() {
            return Ok(());
        }
        Err(MetadataError::UnknownHosts { locations: self.unknown_hosts.join(", its ") })
    }
}

fn acceptable_endpoint(settings: &ProviderSettings, announced: Option<&str>) -> Option<Url> {
    let url = Url::parse(announced?).ok()?;
    endpoint::check(settings, &url, Caller::Gateway).ok().map(|()| url)
}

/// Returns the URL of the document. A slash at the end of the issuer is not repeated (OpenID Connect Discovery §4.1).
fn document_url(settings: &ProviderSettings) -> Result<Url, MetadataError> {
    let base = settings.backchannel_url.as_ref().map_or(&*settings.issuer, Url::as_str);
    let base = base.strip_suffix('/').unwrap_or(base);
    Url::parse(&format!("{base}/.well-known/openid-configuration")).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn unreadable(error: impl ToString) -> MetadataError {
    MetadataError::Unreadable(quoted(&error.to_string()))
}

#[cfg(test)]
mod tests;
