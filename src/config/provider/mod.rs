//! OpenID Provider: its identity, the client and the requests to it

mod algorithm;
mod authentication;
mod endpoints;
mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use endpoints::ENDPOINTS;
pub(super) use keys::{PARAMETERS, SECTION};

use super::checks::{absolute_url, duration, is_loopback, read_certificates};
use super::reader::Reader;
use super::report::{Reported, Wrong, all};
use crate::provider::{MAX_ACR_BYTES, ProviderSettings};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Parameters that the sign-in itself sets (OpenID Connect Core §3.1.2.1, RFC 7636, RFC 9101), and parameters that no
/// browser may see.
const RESERVED: [&str; 13] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "nonce",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "request",
    "request_uri",
    "client_secret",
    "client_assertion",
];

pub(super) fn read(reader: &mut Reader) -> Result<ProviderSettings, Reported> {
    let issuer = reader.read_required("provider.issuer", parse_issuer);
    let backchannel_url = reader.read_optional("provider.backchannel_url", |text| {
        reject_discovery_url(text)?;
        absolute_url(text)
    });
    warn_of_plain_http(reader);
    warn_of_example(reader);
    let discovery = reader.switch("provider.discovery");
    let userinfo = reader.switch("provider.userinfo");
    let endpoints = endpoints::read(reader, discovery, userinfo);
    let endpoint_hosts = endpoints::hosts(reader);
    let client_id = reader.read_required("provider.client_id", |text| Ok(text.to_owned()));
    let audience = reader.read_optional("provider.audience", |text| Ok(text.to_owned()));
    let trusted_audiences = reader.read_list("provider.trusted_audiences", |text| Ok(text.to_owned()));
    let client_authentication = authentication::read(reader);
    let scopes = read_scopes(reader);
    let authorization_parameters = read_parameters(reader);
    let required_acr = reader.read_list("provider.required_acr", parse_acr);
    let ca = reader.read_optional("provider.ca_file", read_certificates);
    let signing_algorithms = algorithm::read(reader);
    let seconds = Duration::from_secs;
    let leeway = reader.read_required("provider.leeway", |text| duration(text, seconds(0), seconds(300)));
    let timeout = reader.read_required("provider.timeout", |text| duration(text, seconds(1), seconds(60)));
    let bears_reuse = reader.switch("provider.tolerates_refresh_token_reuse");
    Ok(ProviderSettings {
        issuer: issuer?,
        backchannel_url: backchannel_url?,
        discovery,
        endpoints: endpoints?,
        endpoint_hosts: endpoint_hosts?,
        client_id: client_id?,
        audience: audience?,
        trusted_audiences: trusted_audiences?,
        client_authentication: client_authentication?,
        scopes: scopes?,
        authorization_parameters: authorization_parameters?,
        required_acr: required_acr?,
        userinfo,
        ca_pem: ca?,
        signing_algorithms: signing_algorithms?,
        leeway: leeway?,
        timeout: timeout?,
        bears_reuse,
    })
}

fn parse_issuer(text: &str) -> Result<String, Wrong> {
    let url = absolute_url(text)?;
    reject_discovery_url(text)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(Wrong::new("over plain http an attacker on the network could sign in as any user").right(
            "the provider's https address; if this process reaches the provider by plain http inside the cluster, set \
             provider.backchannel_url to that address",
        ));
    }
    Ok(text.to_owned())
}

/// Hosts of the examples in docs/providers.md that are not below `example.com`.
const EXAMPLE_HOSTS: [&str; 3] = ["example.okta.com", "example.eu.auth0.com", "example.zitadel.cloud"];
/// Parts of the paths of these examples.
const EXAMPLE_IDS: [&str; 2] = ["/11111111-1111-1111-1111-111111111111/", "/eu-west-1_AbCdEfGhI"];

fn warn_of_example(reader: &mut Reader) {
    let key = "provider.issuer";
    let Some(url) = reader.text(key).and_then(|text| absolute_url(&text).ok()) else { return };
    let host = url.host_str().unwrap_or_default();
    let is_example = host == "example.com"
        || host.ends_with(".example.com")
        || EXAMPLE_HOSTS.contains(&host)
        || EXAMPLE_IDS.iter().any(|id| url.path().contains(id));
    if is_example {
        reader.report.warn(key, "it is an example of the documentation; set the issuer of your own provider");
    }
}

fn reject_discovery_url(text: &str) -> Result<(), Wrong> {
    let base = text.strip_suffix(DISCOVERY);
    base.map_or(Ok(()), |base| Err(Wrong::new("it is the address of the discovery document").right(base)))
}

fn warn_of_plain_http(reader: &mut Reader) {
    // No warning for the issuer: plain http is accepted there on loopback only.
    let key = "provider.backchannel_url";
    let url = reader.text(key).and_then(|text| absolute_url(&text).ok());
    if url.is_some_and(|url| url.scheme() == "http" && !is_loopback(&url)) {
        reader
            .report
            .warn(key, "plain http: an attacker on the network can read the client secret and every token");
    }
}

fn read_scopes(reader: &mut Reader) -> Result<Vec<String>, Reported> {
    let key = "provider.scopes";
    let scopes = reader.read_list(key, |scope| {
        let token = scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if token { Ok(scope.to_owned()) } else { Err(Wrong::new("it is not one scope")) }
    })?;
    if scopes.iter().any(|scope| scope == "openid") {
        return Ok(scopes);
    }
    let what = "openid is missing, and without it the provider sends no ID token";
    Err(reader.report_wrong(key, Wrong::new(what)))
}

fn read_parameters(reader: &mut Reader) -> Result<BTreeMap<String, String>, Reported> {
    all(reader.entries(PARAMETERS.path).into_iter().map(|(name, text)| {
        let key = format!("{}.{name}", PARAMETERS.path);
        if name.is_empty() {
            return Err(reader.report_wrong(&key, Wrong::new("it has no name")));
        }
        if name == "response_mode" {
            let what = "only the response mode query is supported, which is the default; with form_post, browsers do not \
                        send the cookie of the sign-in";
            return Err(reader.report_wrong(&key, Wrong::new(what).right("nothing; remove the parameter")));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(
                reader.report_wrong(&key, Wrong::new("this parameter is reserved for the sign-in itself"))
            );
        }
        let text = text.unwrap_or_default();
        // A number of seconds (OpenID Connect Core §3.1.2.1), with which the sign-in is compared.
        if name == "max_age"
            && (!text.bytes().all(|byte| byte.is_ascii_digit()) || text.parse::<u32>().is_err())
        {
            let wrong = Wrong::new("it is not a whole number of seconds").right("a number such as \"3600\"");
            return Err(reader.report_wrong(&key, wrong));
        }
        Ok((name, text))
    }))
}

/// Parses a value of `acr`. In `acr_values`, spaces separate the values (OpenID Connect Core §3.1.2.1).
fn parse_acr(text: &str) -> Result<String, Wrong> {
    let is_one = !text.is_empty()
        && !text.chars().any(|character| character.is_whitespace() || character.is_control());
    if is_one && text.len() <= MAX_ACR_BYTES {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("it is not one value of acr"))
    }
}
