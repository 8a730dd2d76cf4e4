//! What does the provider say about itself, and may we believe it?
//!
//! 1. The document's `issuer` is the configured one, to the last character (OpenID Connect Discovery §4.3).
//! 2. An endpoint that the operator has set is taken as it is set, and what the document says of it is not looked at.
//! 3. Every other endpoint passes the rules of `endpoint`; a revocation endpoint that does not is as good as none, for
//!    nobody needs it to sign in.
//!
//! openidconnect's metadata type is not used: it refuses a whole document for an odd value in a field that nobody here
//! reads.

use oauth2::{AuthUrl, TokenUrl};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::endpoint::{self, Caller, Objection};
use super::http::{Http, HttpError};
use super::settings::ProviderSettings;

const MAX_BYTES: usize = 256 * 1024;

/// What is used of the metadata (OpenID Connect Discovery §3).
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: AuthUrl,
    pub(super) token_endpoint: TokenUrl,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    /// OpenID Connect RP-Initiated Logout §2.1.
    pub(super) end_session_endpoint: Option<Url>,
    /// RFC 8414 §2.
    pub(super) revocation_endpoint: Option<Url>,
    /// RFC 9207 §3.
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
    #[error("the provider's {name} is not a URL")]
    NotAUrl { name: &'static str },
    #[error("the provider names no {name}; set provider.endpoints.{key}")]
    Missing { name: &'static str, key: &'static str },
    #[error(
        "the provider's {places}, which is neither the host of provider.issuer nor of provider.backchannel_url; if the \
         provider does use it, add it to provider.endpoint_hosts"
    )]
    Elsewhere { places: String },
    #[error(
        "the provider's {name} is {url}, which is not https; plain http is for loopback, and for the host of an http \
         provider.issuer or provider.backchannel_url"
    )]
    NotEncrypted { name: &'static str, url: String },
}

/// The document, as far as it is read.
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
    /// What the provider says, where it is asked; otherwise what the operator has set.
    pub(super) async fn load(http: &Http, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::read(&http.get(&document(settings)?, MAX_BYTES).await?, settings)
    }

    /// What the operator has set, for a provider that is not asked.
    pub(super) fn configured(settings: &ProviderSettings) -> Result<Self, MetadataError> {
        Self::of(&Document::default(), settings)
    }

    pub(super) fn read(body: &[u8], settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let document: Document = serde_json::from_slice(body).map_err(unreadable)?;
        if document.issuer != settings.issuer {
            let (expected, got) = (settings.issuer.clone(), quoted(&document.issuer));
            return Err(MetadataError::WrongIssuer { expected, got });
        }
        Self::of(&document, settings)
    }

    fn of(document: &Document, settings: &ProviderSettings) -> Result<Self, MetadataError> {
        let set = &settings.endpoints;
        let mut found = Found { settings, elsewhere: Vec::new() };
        let authorization = found.one(
            "authorization_endpoint",
            set.authorization.as_ref(),
            document.authorization_endpoint.as_deref(),
        )?;
        let token = found.one("token_endpoint", set.token.as_ref(), document.token_endpoint.as_deref())?;
        let jwks = found.one("jwks_uri", set.jwks.as_ref(), document.jwks_uri.as_deref())?;
        let userinfo =
            found.one("userinfo_endpoint", set.userinfo.as_ref(), document.userinfo_endpoint.as_deref())?;
        let end_session = found.one(
            "end_session_endpoint",
            set.end_session.as_ref(),
            document.end_session_endpoint.as_deref(),
        )?;
        found.all_at_home()?;
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
            revocation_endpoint: acceptable(settings, document.revocation_endpoint.as_deref()),
            names_itself_in_responses: document.names_itself_in_responses,
        })
    }
}

/// Endpoints as they are found.
struct Found<'s> {
    settings: &'s ProviderSettings,
    /// Those on unknown hosts: told together, so that the operator need not mend them one by one.
    elsewhere: Vec<String>,
}

impl Found<'_> {
    fn one(
        &mut self,
        name: &'static str,
        set: Option<&Url>,
        said: Option<&str>,
    ) -> Result<Option<Url>, MetadataError> {
        let (None, Some(said)) = (set, said) else { return Ok(set.cloned()) };
        let url = Url::parse(said).map_err(|_| MetadataError::NotAUrl { name })?;
        let browser = matches!(name, "authorization_endpoint" | "end_session_endpoint");
        let caller = if browser { Caller::Browser } else { Caller::Ourselves };
        match endpoint::check(self.settings, &url, caller) {
            Ok(()) => {}
            Err(Objection::NotEncrypted) => {
                return Err(MetadataError::NotEncrypted { name, url: quoted(url.as_str()) });
            }
            Err(Objection::Elsewhere) => {
                self.elsewhere.push(format!("{name} is at {}", quoted(url.host_str().unwrap_or("no host"))));
            }
        }
        Ok(Some(url))
    }

    fn all_at_home(&self) -> Result<(), MetadataError> {
        if self.elsewhere.is_empty() {
            return Ok(());
        }
        Err(MetadataError::Elsewhere { places: self.elsewhere.join(", its ") })
    }
}

fn acceptable(settings: &ProviderSettings, said: Option<&str>) -> Option<Url> {
    let url = Url::parse(said?).ok()?;
    endpoint::check(settings, &url, Caller::Ourselves).ok().map(|()| url)
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

#[cfg(test)]
mod tests;
use crate::access::quoted::quoted;
