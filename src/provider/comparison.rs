//! Comparison of the settings with what the provider announces
//!
//! A difference is found before the first sign-in, and its message names the setting to change.

use std::fmt::{self, Display, Formatter};

use super::accepted::Accepted;
use super::algorithm::{Algorithm, Names};
use super::announcement::Announcement;
use super::settings::{ClientAuthentication, ProviderSettings};
use crate::access::quoted::quoted;

/// A difference between the settings and what the provider announces. Its text says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    text: String,
    is_fatal: bool,
}

impl Finding {
    /// Returns a difference because of which no sign-in can succeed: what differs, and what to change.
    pub(super) fn fatal(what: impl Display, fix: impl Display) -> Self {
        Self { text: format!("{what}; {fix}"), is_fatal: true }
    }

    /// Returns a difference because of which sign-ins may fail, or something is missing after them. A provider need not
    /// announce everything.
    pub(super) fn doubtful(what: impl Display, fix: impl Display) -> Self {
        Self { text: format!("{what}; {fix}"), is_fatal: false }
    }

    /// Returns the reason why a document cannot be used.
    pub(super) fn unusable(error: &impl Display) -> Self {
        Self { text: error.to_string(), is_fatal: true }
    }

    /// Returns whether no sign-in can succeed.
    pub fn is_fatal(&self) -> bool {
        self.is_fatal
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns every difference between the settings and the documents.
///
/// `with_keys` are the algorithms for which the provider publishes a key, if its keys are loaded.
pub(super) fn compare(
    settings: &ProviderSettings,
    announced: &Announcement,
    accepted: &Accepted,
    with_keys: Option<&[Algorithm]>,
) -> Vec<Finding> {
    let mut findings: Vec<_> = algorithms(settings, announced, accepted, with_keys).into_iter().collect();
    findings.extend(client_authentication(settings, announced));
    findings.extend(flow(announced));
    findings.extend(scopes(settings, announced));
    findings.extend(required_acr(settings, announced));
    findings
}

fn algorithms(
    settings: &ProviderSettings,
    announced: &Announcement,
    accepted: &Accepted,
    with_keys: Option<&[Algorithm]>,
) -> Option<Finding> {
    let accepted = &accepted.algorithms;
    let names = announced.signing_algorithms.as_deref();
    let usable = |algorithm: &&Algorithm| {
        names.is_none_or(|names| names.iter().any(|name| name == algorithm.as_str()))
    };
    if let Some(names) = names.filter(|_| !accepted.iter().any(|algorithm| usable(&algorithm))) {
        let list = list(names);
        let supported: Vec<_> = Algorithm::ALL.into_iter().filter(|algorithm| usable(&algorithm)).collect();
        if supported.is_empty() {
            return Some(Finding::fatal(
                format!("the provider signs ID tokens only with {list}, which is not supported"),
                "at the provider, let this client's ID tokens be signed with a key pair, for example with RS256",
            ));
        }
        return Some(Finding::fatal(
            format!(
                "provider.signing_algorithms allows {}, but the provider announces {list}",
                Names(accepted)
            ),
            "remove the key to accept what the provider announces",
        ));
    }
    let with_keys = with_keys.filter(|keys| !accepted.iter().any(|algorithm| keys.contains(algorithm)))?;
    let what = format!(
        "the accepted signature algorithms are {}, but the provider's published keys are for {}",
        Names(accepted),
        Names(with_keys)
    );
    let fix = match (settings.signing_algorithms.is_some(), names.is_some()) {
        (true, _) => "remove provider.signing_algorithms, or set it to an algorithm of these keys",
        (false, false) => "set provider.signing_algorithms to the algorithm that the provider signs with",
        (false, true) => {
            "at the provider, assign a key to this client that fits its signature algorithm, and publish it (jwks_uri)"
        }
    };
    Some(Finding::fatal(what, fix))
}

fn client_authentication(settings: &ProviderSettings, announced: &Announcement) -> Option<Finding> {
    let names = announced.authentication_methods.as_deref()?;
    // Public clients need no announcement: some providers list only the methods of confidential clients.
    if matches!(settings.client_authentication, ClientAuthentication::None) {
        return None;
    }
    let method = settings.client_authentication.method();
    if names.iter().any(|name| name == method) {
        return None;
    }
    Some(Finding::fatal(
        format!(
            "provider.client_authentication is {method}, but the provider's token endpoint announces {}",
            list(names)
        ),
        "set provider.client_authentication to one of them",
    ))
}

fn flow(announced: &Announcement) -> Vec<Finding> {
    let lacks = |names: &Option<Vec<String>>, wanted: &str| {
        names.as_ref().filter(|names| !names.iter().any(|name| name == wanted)).map(|names| list(names))
    };
    let mut findings = Vec::new();
    if let Some(names) = lacks(&announced.response_types, "code") {
        findings.push(Finding::fatal(
            format!("the provider supports the response types {names}, but not code, which a sign-in uses"),
            "enable the authorization code flow at the provider",
        ));
    }
    if let Some(names) = lacks(&announced.response_modes, "query") {
        findings.push(Finding::fatal(
            format!("the provider sends authorization responses by {names}, but not by query"),
            "enable the response mode query at the provider; form_post is not supported",
        ));
    }
    if let Some(names) = lacks(&announced.grant_types, "authorization_code") {
        findings.push(Finding::fatal(
            format!("the provider supports the grant types {names}, but not authorization_code"),
            "enable the authorization code flow at the provider",
        ));
    }
    if let Some(names) = lacks(&announced.challenge_methods, "S256") {
        findings.push(Finding::doubtful(
            format!(
                "the provider supports the PKCE methods {names}, but not S256, which every sign-in sends"
            ),
            "enable S256 at the provider, if it rejects sign-ins",
        ));
    }
    findings
}

/// Scopes that request no claims. `offline` is Hydra's second name for `offline_access`.
const PROTOCOL_SCOPES: [&str; 3] = ["openid", "offline_access", "offline"];

fn scopes(settings: &ProviderSettings, announced: &Announcement) -> Option<Finding> {
    let names = announced.scopes.as_deref()?;
    let unknown: Vec<_> = settings.scopes.iter().filter(|scope| !names.contains(scope)).cloned().collect();
    // Some providers announce only the scopes of the protocol, whatever their clients may request.
    let is_complete = names.iter().any(|name| !PROTOCOL_SCOPES.contains(&name.as_str()));
    if unknown.is_empty() || !is_complete {
        return None;
    }
    Some(Finding::doubtful(
        format!("provider.scopes has {}, but the provider announces {}", list(&unknown), list(names)),
        if unknown.len() == 1 {
            "remove it, or allow it for this client at the provider"
        } else {
            "remove them, or allow them for this client at the provider"
        },
    ))
}

fn required_acr(settings: &ProviderSettings, announced: &Announcement) -> Option<Finding> {
    let names = announced.acr_values.as_deref()?;
    let required = &settings.required_acr;
    if required.is_empty() || required.iter().any(|acr| names.contains(acr)) {
        return None;
    }
    Some(Finding::doubtful(
        format!("provider.required_acr is {}, but the provider announces {}", list(required), list(names)),
        "set it to one of these",
    ))
}

/// Returns names of the provider in one line, or `none`.
pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { quoted(&names.join(", ")) }
}

#[cfg(test)]
mod tests;
