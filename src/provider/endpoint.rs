//! To which addresses may the provider's metadata send us and the people?
//!
//! 1. An endpoint lies on the host of the issuer or of the back-channel URL, or the operator has listed its host: who
//!    can change the document shall not learn the client secret by naming a host of their own.
//! 2. Plain http is for loopback; and where the issuer's or the back-channel URL is http itself, for that very host. A
//!    browser is sent over http by the issuer's word alone.

use url::{Host, Url};

use super::settings::ProviderSettings;

/// Who goes to an endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A person's browser.
    Browser,
    /// This process.
    Ourselves,
}

/// What keeps an endpoint from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// Its host is unknown.
    Elsewhere,
    /// It is not https.
    NotEncrypted,
}

/// Looks at an endpoint of the metadata.
pub(super) fn check(settings: &ProviderSettings, url: &Url, caller: Caller) -> Result<(), Objection> {
    let issuer = Url::parse(&settings.issuer).ok();
    let backchannel = settings.backchannel_url.as_ref();
    let is_there = |home: Option<&Url>| home.is_some_and(|home| home.host() == url.host());
    let is_plain = |home: Option<&Url>| home.is_some_and(|home| home.scheme() == "http") && is_there(home);
    let is_listed = settings.endpoint_hosts.iter().any(|host| Some(host.as_str()) == url.host_str());
    if !is_there(issuer.as_ref()) && !is_there(backchannel) && !is_listed {
        return Err(Objection::Elsewhere);
    }
    let plain_allowed = is_plain(issuer.as_ref())
        || (caller == Caller::Ourselves && is_plain(backchannel))
        || is_loopback(url);
    match url.scheme() {
        "https" => Ok(()),
        "http" if plain_allowed => Ok(()),
        _ => Err(Objection::NotEncrypted),
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
