//! Where is the provider asked what, and to which hosts may its own words send us?

use url::Url;

use crate::config::checks::{address, is_loopback};
use crate::config::key::{Key, Kind, Need, Section};
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong, all};
use crate::provider::Endpoints;

const RIGHT: &str = "the endpoint's whole address, such as https://login.example.com/token";

pub(in crate::config) const ENDPOINTS: Section = Section {
    path: "provider.endpoints",
    example: "",
    about: "The provider's endpoints, where its discovery document is not to say them. Each that is set here is \
            taken as it is; the others come from the document.",
    keys: &[
        Key {
            name: "authorization",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/authorize\""),
            about: "Where people are sent to sign in. Required where provider.discovery is false.",
            right: RIGHT,
        },
        Key {
            name: "token",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/token\""),
            about: "Where this process exchanges codes for tokens. Required where provider.discovery is false.",
            right: RIGHT,
        },
        Key {
            name: "jwks",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/keys\""),
            about: "Where this process loads the signing keys; a query is allowed. Required where \
                    provider.discovery is false.",
            right: RIGHT,
        },
        Key {
            name: "userinfo",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/userinfo\""),
            about: "Where this process asks for more claims. Required where provider.discovery is false and \
                    provider.userinfo true.",
            right: RIGHT,
        },
        Key {
            name: "end_session",
            kind: Kind::Text,
            need: Need::Optional("\"https://login.example.com/logout\""),
            about: "Where people sign out at the provider.",
            right: RIGHT,
        },
    ],
};

/// Reads the section; without discovery those that are asked must be there.
pub(super) fn read(reader: &mut Reader, discovery: bool, asks_userinfo: bool) -> Result<Endpoints, Reported> {
    let authorization = one(reader, "authorization", for_browsers);
    let token = one(reader, "token", address);
    let jwks = one(reader, "jwks", address);
    let userinfo = one(reader, "userinfo", address);
    let end_session = one(reader, "end_session", for_browsers);
    for name in ["token", "jwks", "userinfo"] {
        warn_of_plain_http(reader, &format!("{}.{name}", ENDPOINTS.path));
    }
    if !discovery {
        let asked = ["authorization", "token", "jwks"].into_iter().chain(asks_userinfo.then_some("userinfo"));
        let _there: Vec<()> = all(asked.map(|name| required(reader, name)))?;
    }
    Ok(Endpoints {
        authorization: authorization?,
        token: token?,
        jwks: jwks?,
        userinfo: userinfo?,
        end_session: end_session?,
    })
}

fn one(
    reader: &mut Reader,
    name: &str,
    parse: impl FnOnce(&str) -> Result<Url, Wrong>,
) -> Result<Option<Url>, Reported> {
    reader.may(&format!("{}.{name}", ENDPOINTS.path), parse)
}

fn required(reader: &mut Reader, name: &str) -> Result<(), Reported> {
    let key = format!("{}.{name}", ENDPOINTS.path);
    if reader.is_set(&key) {
        return Ok(());
    }
    let what = "it is missing, and provider.discovery is false, so that nobody else says it";
    Err(reader.wrong(&key, Wrong::new(what)))
}

fn for_browsers(text: &str) -> Result<Url, Wrong> {
    let url = address(text)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(Wrong::new(
            "a browser is sent there, and over plain http anybody on the way could answer",
        ));
    }
    Ok(url)
}

fn warn_of_plain_http(reader: &mut Reader, key: &str) {
    let url = reader.text(key).and_then(|text| address(&text).ok());
    if url.is_some_and(|url| url.scheme() == "http" && !is_loopback(&url)) {
        reader.report.warn(key, "plain http: who can listen in between reads and changes what is sent there");
    }
}

/// The hosts that endpoints of the discovery document may lie on, in lower case.
pub(super) fn hosts(reader: &mut Reader) -> Result<Vec<String>, Reported> {
    reader.each("provider.endpoint_hosts", |text| {
        let url = Url::parse(&format!("https://{text}/")).ok();
        let host = url.as_ref().and_then(Url::host_str).filter(|host| host.eq_ignore_ascii_case(text));
        host.map(str::to_owned).ok_or_else(|| Wrong::new("it is not a host name alone"))
    })
}
