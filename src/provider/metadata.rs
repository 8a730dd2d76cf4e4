//! Provider metadata from discovery and configuration
//!
//! 1. The document's `issuer` is exactly the configured one (OpenID Connect Discovery §4.3).
//! 2. An endpoint that the operator has configured is used unchanged, and its value in the document is ignored.
//! 3. Every other endpoint must pass the rules of `endpoint`. A revocation endpoint that fails them counts as absent,
//!    because no sign-in needs it.
//!
//! 4. Whatever its type, a member that no sign-in needs never makes the document unreadable. `null` counts as absent.
//!
//! openidconnect's metadata type is not used: it rejects a whole document because of an unexpected value in a field
//! that Foregate does not read.

use oauth2::{AuthUrl, TokenUrl};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use url::Url;

use super::announcement::Announcement;
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
    /// What the provider says it supports.
    pub(super) announcement: Announcement,
}

/// The reason why no metadata is loaded.
#[derive(Debug, Error)]
pub(super) enum MetadataError {
    #[error("the discovery document cannot be loaded: {0}")]
    Call(#[from] HttpError),
    #[error("the discovery document cannot be read: {0}")]
    Unreadable(String),
    #[error(
        "provider.issuer is {expected}, but the issuer in the discovery document is {got}; they must be identical: if this \
         is your provider, set provider.issuer = \"{got}\""
    )]
    WrongIssuer { expected: String, got: String },
    #[error("the discovery document names no issuer, so it is probably none; check provider.issuer")]
    NoIssuer,
    #[error("the discovery document's {name} is not text")]
    NotText { name: &'static str },
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
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<Self>),
}

/// The members of the document that are read, of any type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    issuer: Value,
    authorization_endpoint: Value,
    token_endpoint: Value,
    jwks_uri: Value,
    userinfo_endpoint: Value,
    end_session_endpoint: Value,
    revocation_endpoint: Value,
    authorization_response_iss_parameter_supported: Value,
    #[serde(flatten)]
    announcement: Announcement,
}

impl Metadata {
    /// Loads the discovery document. Endpoints that the operator has configured take precedence.
    pub(super) async fn load(http: &Http, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::read(&Self::fetch(http, settings).await?, settings)
    }

    /// Fetches the discovery document.
    pub(super) async fn fetch(http: &Http, settings: &ProviderSettings) -> Result<Vec<u8>, MetadataError> {
        Ok(http.get(&document_url(settings)?, MAX_DOCUMENT_BYTES).await?)
    }

    /// Returns the metadata that the operator has configured, if discovery is disabled.
    pub(super) fn configured(settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::from_document(&Document::default(), settings)
    }

    pub(super) fn read(body: &[u8], settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let document: Document = serde_json::from_slice(body).map_err(unreadable)?;
        let issuer = text("issuer", &document.issuer)?.ok_or(MetadataError::NoIssuer)?;
        if issuer != settings.issuer {
            let (expected, got) = (settings.issuer.clone(), quoted(issuer));
            return Err(MetadataError::WrongIssuer { expected, got });
        }
        Self::from_document(&document, settings)
    }

    fn from_document(document: &Document, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let configured = &settings.endpoints;
        let mut resolver = Resolver { settings, unknown_hosts: Vec::new(), errors: Vec::new() };
        let authorization = resolver.resolve(
            &AUTHORIZATION,
            configured.authorization.as_ref(),
            &document.authorization_endpoint,
        );
        let token = resolver.resolve(&TOKEN, configured.token.as_ref(), &document.token_endpoint);
        let jwks = resolver.resolve(&JWKS, configured.jwks.as_ref(), &document.jwks_uri);
        // Without userinfo, its endpoint may be anything.
        let announced = if settings.userinfo { &document.userinfo_endpoint } else { &Value::Null };
        let required = EndpointName { is_required: settings.userinfo, ..USERINFO };
        let userinfo = resolver.resolve(&required, configured.userinfo.as_ref(), announced);
        let end_session =
            resolver.resolve(&END_SESSION, configured.end_session.as_ref(), &document.end_session_endpoint);
        let errors = resolver.into_errors();
        let (Some(authorization), Some(token), Some(jwks_uri), []) =
            (authorization, token, jwks, errors.as_slice())
        else {
            return Err(MetadataError::of(errors));
        };
        Ok(Self {
            authorization_endpoint: AuthUrl::from_url(authorization),
            token_endpoint: TokenUrl::from_url(token),
            jwks_uri,
            userinfo_endpoint: userinfo,
            end_session_endpoint: end_session,
            revocation_endpoint: acceptable_endpoint(settings, document.revocation_endpoint.as_str()),
            names_itself_in_responses: is_true(&document.authorization_response_iss_parameter_supported),
            announcement: document.announcement.clone(),
        })
    }
}

/// An endpoint of the metadata.
struct EndpointName {
    /// Its member of the document.
    name: &'static str,
    /// Its key in provider.endpoints.
    key: &'static str,
    caller: Caller,
    is_required: bool,
}

impl EndpointName {
    const fn new(name: &'static str, key: &'static str, caller: Caller, is_required: bool) -> Self {
        Self { name, key, caller, is_required }
    }
}

const AUTHORIZATION: EndpointName =
    EndpointName::new("authorization_endpoint", "authorization", Caller::Browser, true);
const TOKEN: EndpointName = EndpointName::new("token_endpoint", "token", Caller::Gateway, true);
const JWKS: EndpointName = EndpointName::new("jwks_uri", "jwks", Caller::Gateway, true);
const USERINFO: EndpointName = EndpointName::new("userinfo_endpoint", "userinfo", Caller::Gateway, false);
const END_SESSION: EndpointName =
    EndpointName::new("end_session_endpoint", "end_session", Caller::Browser, false);

/// Resolves endpoints from the configuration and the document. Everything that is wrong is reported together, so that
/// the operator can fix it at once.
struct Resolver<'s> {
    settings: &'s ProviderSettings,
    unknown_hosts: Vec<String>,
    errors: Vec<MetadataError>,
}

impl Resolver<'_> {
    fn resolve(
        &mut self,
        endpoint: &EndpointName,
        configured: Option<&Url>,
        announced: &Value,
    ) -> Option<Url> {
        let resolved = configured
            .map_or_else(|| self.check(endpoint, announced), |configured| Ok(Some(configured.clone())));
        resolved.unwrap_or_else(|error| {
            self.errors.push(error);
            None
        })
    }

    fn check(&mut self, endpoint: &EndpointName, announced: &Value) -> Result<Option<Url>, MetadataError> {
        let &EndpointName { name, key, caller, is_required } = endpoint;
        let found = if is_required { text(name, announced)? } else { announced.as_str() };
        let Some(announced) = found else {
            return if is_required { Err(MetadataError::Missing { name, key }) } else { Ok(None) };
        };
        let url = Url::parse(announced).map_err(|_| MetadataError::NotAUrl { name })?;
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

    fn into_errors(mut self) -> Vec<MetadataError> {
        if !self.unknown_hosts.is_empty() {
            self.errors.push(MetadataError::UnknownHosts { locations: self.unknown_hosts.join(", its ") });
        }
        self.errors
    }
}

impl MetadataError {
    fn of(mut errors: Vec<Self>) -> Self {
        match errors.pop() {
            Some(only) if errors.is_empty() => only,
            last => Self::Several(errors.into_iter().chain(last).collect()),
        }
    }

    /// Returns whether only a change of settings can help: the provider answered, or cannot be trusted.
    pub(super) fn is_about_settings(&self) -> bool {
        match self {
            Self::Call(call) => call.is_about_settings(),
            Self::Unreadable(_) => false,
            _ => true,
        }
    }

    /// Returns every error as its own message.
    pub(super) fn messages(&self) -> Vec<String> {
        match self {
            Self::Several(errors) => errors.iter().flat_map(Self::messages).collect(),
            single => vec![single.to_string()],
        }
    }
}

/// Returns the text of a member, or `None` if it is absent.
fn text<'v>(name: &'static str, value: &'v Value) -> Result<Option<&'v str>, MetadataError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(MetadataError::NotText { name }),
    }
}

/// Returns whether a member is true. Some providers send booleans as text.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
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
