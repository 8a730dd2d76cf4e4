//! Validation of endpoints that the provider metadata names
//!
//! 1. The host of an endpoint is that of the issuer or of the back-channel URL, or the operator has listed it.
//!    Otherwise a manipulated document could name an attacker's host, which would receive the client secret.
//! 2. Plain http is allowed for loopback, and for the host of an issuer or back-channel URL that is itself http. A
//!    browser is redirected to plain http on another host than loopback only if the issuer is http.

use url::{Host, Url};

use super::settings::ProviderSettings;

/// The party that calls an endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A user's browser.
    Browser,
    /// The gateway.
    Gateway,
}

/// The reason why an endpoint must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// Its host is not allowed.
    UnknownHost,
    /// It is not https.
    NotEncrypted,
}

/// Checks an endpoint of the metadata.
pub(super) fn check(settings: &ProviderSettings, url: &Url, caller: Caller) -> Result<(), Objection> {
    let issuer = Url::parse(&settings.issuer).ok();
    let backchannel = settings.backchannel_url.as_ref();
    let is_host_of = |home: Option<&Url>| home.is_some_and(|home| home.host() == url.host());
    let is_plain_host_of =
        |home: Option<&Url>| home.is_some_and(|home| home.scheme() == "http") && is_host_of(home);
    let is_listed = settings.endpoint_hosts.iter().any(|host| Some(host.as_str()) == url.host_str());
    if !is_host_of(issuer.as_ref()) && !is_host_of(backchannel) && !is_listed {
        return Err(Objection::UnknownHost);
    }
    let plain_allowed = is_plain_host_of(issuer.as_ref())
        || (caller == Caller::Gateway && is_plain_host_of(backchannel))
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
