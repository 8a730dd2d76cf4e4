//! Comparison of the configuration with the provider, without the gateway
//!
//! Everything that can be compared is compared, so that the operator sees every difference at once.

use std::sync::Arc;

use super::accepted::Accepted;
use super::announcement::Announcement;
use super::clock_watch::ClockWatch;
use super::comparison::{Finding, compare, list};
use super::http::Http;
use super::keys::KeySet;
use super::metadata::{Metadata, MetadataError};
use super::settings::ProviderSettings;
use crate::access::claims::{ClaimPath, is_of_protocol};
use crate::flow::ports::Clock;
use crate::trust::{self, TrustError};

/// What the rest of the configuration needs from the provider.
pub struct Needs<'a> {
    /// The claim of the user name.
    pub user: &'a ClaimPath,
    /// The claims of the groups.
    pub groups: &'a [ClaimPath],
    /// Whether a sign-out is to end the session at the provider too.
    pub logs_out_at_provider: bool,
}

/// What the comparison with the provider found.
pub struct Comparison {
    /// The differences, in the order in which they should be solved.
    pub findings: Vec<Finding>,
    /// Whether the provider sent any document. Without one, nothing was compared.
    pub has_document: bool,
}

/// Fetches the provider's documents and compares them with the configuration. A document that cannot be loaded is a
/// finding too.
pub async fn compare_online(
    settings: &ProviderSettings,
    needs: &Needs<'_>,
    clock: Arc<dyn Clock>,
) -> Result<Comparison, TrustError> {
    let client = trust::client(settings.ca_pem.as_deref(), settings.timeout)?;
    let http = Http::new(client, settings.timeout, Arc::new(ClockWatch::new(clock)), Arc::default());
    let Loaded { metadata, announced, mut has_document } = load_metadata(&http, settings).await;
    let mut findings = Vec::new();
    let mut keys = None;
    match &metadata {
        Ok(metadata) => match KeySet::load(&http, &metadata.jwks_uri).await {
            Ok(loaded) => {
                keys = Some(loaded.algorithms());
                has_document = true;
            }
            Err(error) => findings.push(Finding::unusable(&error)),
        },
        Err(error) => findings.extend(error.messages().iter().map(Finding::unusable)),
    }
    if let Some(announced) = &announced {
        let algorithms = announced.signing_algorithms.as_deref();
        let accepted = Accepted::new(settings.signing_algorithms.as_deref(), algorithms);
        findings.extend(compare(settings, announced, &accepted, keys.as_deref()));
        findings.extend(user_claim(settings, announced, needs.user));
        findings.extend(groups_scope(settings, announced, needs.groups));
    }
    let has_no_logout = metadata.is_ok_and(|found| found.end_session_endpoint.is_none());
    if needs.logs_out_at_provider && has_no_logout {
        findings.push(Finding::doubtful(
            "the provider announces no end_session_endpoint, so a sign-out does not end the session there",
            "set sign_in.provider_logout = false, or provider.endpoints.end_session if the provider has one",
        ));
    }
    Ok(Comparison { findings, has_document })
}

/// The metadata of the provider.
struct Loaded {
    metadata: Result<Metadata, MetadataError>,
    /// What the provider announces, if its document is that of the issuer.
    announced: Option<Announcement>,
    has_document: bool,
}

async fn load_metadata(http: &Http, settings: &ProviderSettings) -> Loaded {
    if !settings.discovery {
        let (metadata, announced) = (Metadata::configured(settings), Some(Announcement::default()));
        return Loaded { metadata, announced, has_document: false };
    }
    let document = match Metadata::fetch(http, settings).await {
        Ok(document) => document,
        Err(error) => return Loaded { metadata: Err(error), announced: None, has_document: false },
    };
    let metadata = Metadata::read(&document, settings);
    let is_of_issuer = !matches!(metadata, Err(MetadataError::WrongIssuer { .. }));
    let announced = is_of_issuer.then(|| serde_json::from_slice(&document).ok()).flatten();
    Loaded { metadata, announced, has_document: true }
}

/// Compares the claim of the user name with the announced claims. A provider need not announce all of them (OpenID
/// Connect Discovery §3).
fn user_claim(settings: &ProviderSettings, announced: &Announcement, user: &ClaimPath) -> Option<Finding> {
    let names = announced.claims.as_ref()?.iter().filter(|name| !is_of_protocol(name));
    let names: Vec<_> = names.cloned().collect();
    // A provider that announces no claim of userinfo cannot show that userinfo lacks one.
    let is_silent_about_userinfo = settings.userinfo && names.iter().all(|name| name == "sub");
    if is_silent_about_userinfo
        || user.outermost_names().any(|wanted| names.iter().any(|name| name == wanted))
    {
        return None;
    }
    let userinfo = if settings.userinfo { "" } else { ", or set provider.userinfo = true" };
    Some(Finding::doubtful(
        format!("claims.user is {user}, but the provider announces the claims {}", list(&names)),
        format!(
            "if sign-ins fail, set claims.user to one of them that users cannot change, such as sub{userinfo}"
        ),
    ))
}

/// The claim of groups if no other is configured, and the scope with which Dex and Kanidm send it.
const GROUPS: &str = "groups";

/// Reports that groups probably need a scope that is not requested.
///
/// A provider that announces the claim may send it without the scope. With another claim in the settings, groups
/// probably come without it, too.
fn groups_scope(
    settings: &ProviderSettings,
    announced: &Announcement,
    paths: &[ClaimPath],
) -> Option<Finding> {
    let is_default = matches!(paths, [path] if path.to_string() == GROUPS);
    let has_claim = announced.claims.as_ref().is_some_and(|names| names.iter().any(|name| name == GROUPS));
    let is_requested = settings.scopes.iter().any(|scope| scope == GROUPS);
    if !is_default || has_claim || is_requested || !announced.has_scope(GROUPS) {
        return None;
    }
    Some(Finding::doubtful(
        "the provider announces the scope groups, and provider.scopes does not have it",
        "add it if policies or the application need groups",
    ))
}

#[cfg(test)]
mod tests;
