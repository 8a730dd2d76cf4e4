//! Endpoints of the provider, and hosts that its discovery document may name

use url::Url;

use crate::config::checks::{address, is_loopback};
use crate::config::key::{Key, Kind, Need, Section};
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong, all};
use crate::provider::Endpoints;

const RIGHT: &str = "the complete URL of the endpoint, such as https://login.example.com/token";

pub(in crate::config) const ENDPOINTS: Section = Section {
    path: "provider.endpoints",
    example: "",
    about: "The provider's endpoints, if they are not to be taken from its discovery document. An endpoint that is \
            set here is used as it is. The others come from the document.",
    keys: &[
        Key {
            name: "authorization",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/authorize\""),
            about: "The URL to which users are redirected to sign in. Required if provider.discovery is false.",
            right: RIGHT,
        },
        Key {
            name: "token",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/token\""),
            about: "The URL at which this process exchanges codes for tokens. Required if provider.discovery is \
                    false.",
            right: RIGHT,
        },
        Key {
            name: "jwks",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/keys\""),
            about: "The URL from which this process loads the signing keys. It may have a query. Required if \
                    provider.discovery is false.",
            right: RIGHT,
        },
        Key {
            name: "userinfo",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/userinfo\""),
            about: "The URL at which this process requests further claims. Required if provider.discovery is false \
                    and provider.userinfo is true.",
            right: RIGHT,
        },
        Key {
            name: "end_session",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/logout\""),
            about: "The URL to which users are redirected to sign out at the provider.",
            right: RIGHT,
        },
    ],
};

/// Reads the section. Without discovery, the endpoints that the gateway uses must be set.
pub(super) fn read(reader: &mut Reader, discovery: bool, uses_userinfo: bool) -> Result<Endpoints, Reported> {
    let authorization = read_endpoint(reader, "authorization", parse_browser_url);
    let token = read_endpoint(reader, "token", address);
    let jwks = read_endpoint(reader, "jwks", address);
    let userinfo = read_endpoint(reader, "userinfo", address);
    let end_session = read_endpoint(reader, "end_session", parse_browser_url);
    for name in ["token", "jwks", "userinfo"] {
        warn_of_plain_http(reader, &format!("{}.{name}", ENDPOINTS.path));
    }
    if !discovery {
        let used = ["authorization", "token", "jwks"].into_iter().chain(uses_userinfo.then_some("userinfo"));
        let _set: Vec<()> = all(used.map(|name| require_endpoint(reader, name)))?;
    }
    Ok(Endpoints {
        authorization: authorization?,
        token: token?,
        jwks: jwks?,
        userinfo: userinfo?,
        end_session: end_session?,
    })
}

fn read_endpoint(
    reader: &mut Reader,
    name: &str,
    parse: impl FnOnce(&str) -> Result<Url, Wrong>,
) -> Result<Option<Url>, Reported> {
    reader.read_optional(&format!("{}.{name}", ENDPOINTS.path), parse)
}

fn require_endpoint(reader: &mut Reader, name: &str) -> Result<(), Reported> {
    let key = format!("{}.{name}", ENDPOINTS.path);
    if reader.is_set(&key) {
        return Ok(());
    }
    let what = "it is missing, and provider.discovery is false, so the endpoint is unknown";
    Err(reader.report_wrong(&key, Wrong::new(what)))
}

fn parse_browser_url(text: &str) -> Result<Url, Wrong> {
    let url = address(text)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(Wrong::new(
            "browsers are redirected there, and over plain http an attacker on the network could answer",
        ));
    }
    Ok(url)
}

fn warn_of_plain_http(reader: &mut Reader, key: &str) {
    let url = reader.text(key).and_then(|text| address(&text).ok());
    if url.is_some_and(|url| url.scheme() == "http" && !is_loopback(&url)) {
        reader
            .report
            .warn(key, "plain http: an attacker on the network can read and change what is sent there");
    }
}

/// Returns the hosts on which the discovery document may place endpoints, in lower case.
pub(super) fn hosts(reader: &mut Reader) -> Result<Vec<String>, Reported> {
    reader.read_list("provider.endpoint_hosts", |text| {
        let url = Url::parse(&format!("https://{text}/")).ok();
        let host = url.as_ref().and_then(Url::host_str).filter(|host| host.eq_ignore_ascii_case(text));
        host.map(str::to_owned).ok_or_else(|| Wrong::new("it is not a host name alone"))
    })
}
