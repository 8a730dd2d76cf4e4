//! In which header fields are applications told who it is?

use http::HeaderName;

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::field_names::{FORWARDED, is_plain};
use crate::access::headers::IdentityHeaderNames;
use crate::access::stripped::StrippedHeaders;

const RIGHT: &str =
    "a field name of letters, digits and - that nothing else uses, such as X-Forwarded-User or X-Auth-User";

/// oauth2-proxy, Authelia, Kubernetes, Grafana, authentik, Pomerium, Vouch, Tailscale, and the gateways of four clouds.
const OF_OTHER_GATEWAYS: &str = "[\"X-Auth-Request-*\", \"X-Auth-User\", \"X-Auth-Username\", \"X-Auth-Email\", \
     \"X-Auth-Groups\", \"X-Auth-Roles\", \"Remote-User\", \"Remote-Groups\", \"Remote-Name\", \
     \"Remote-Email\", \"X-Remote-*\", \"X-Authenticated-*\", \"X-Webauth-*\", \"X-Authentik-*\", \
     \"X-Pomerium-*\", \"X-Vouch-*\", \"Tailscale-User-*\", \"X-Forwarded-Preferred-Username\", \
     \"X-Forwarded-Groups\", \"X-Forwarded-Access-Token\", \"X-Goog-Authenticated-User-*\", \
     \"X-Goog-Iap-*\", \"Cf-Access-*\", \"X-Amzn-Oidc-*\", \"X-Ms-Client-Principal*\", \
     \"X-Ms-Token-*\", \"X-Ssl-Client-*\"]";

pub(super) const SECTION: Section = Section {
    path: "headers",
    example: "",
    about: "The header fields that tell an application who somebody is. What a client sends under these \
            names never arrives.",
    keys: &[
        name("user", "\"X-Forwarded-User\"", "The person's name."),
        name("group", "\"X-Forwarded-Group\"", "The groups, with commas between them."),
        name("email", "\"X-Forwarded-Email\"", "The e-mail address."),
        name("id_token", "\"X-Forwarded-Id-Token\"", "The ID token as the provider signed it."),
        Key {
            name: "authorization",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether the ID token is also sent as Authorization: Bearer, which Headlamp and the \
                    Kubernetes API server read.",
            right: "true or false",
        },
        Key {
            name: "strip",
            kind: Kind::List,
            need: Need::Default(OF_OTHER_GATEWAYS),
            about: "Names under which other gateways tell who somebody is, each whole or with a * for any end: what a \
                    client sends under them never arrives through our own proxy. A list of your own replaces this one.",
            right: "names of letters, digits and -, such as [\"Remote-User\", \"X-Auth-Request-*\"]",
        },
    ],
};

const fn name(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, kind: Kind::Text, need: Need::Default(default), about, right: RIGHT }
}

/// Fields that mean something else to HTTP, to the proxy or to us.
const TAKEN: [&str; 27] = [
    "accept",
    "alt-svc",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "origin",
    "referer",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
    "x-clean-cookie",
    "x-real-ip",
    "x-reload",
    "x-sign-in",
];

/// Forwarded fields that we do not read, but that proxies set.
const OTHER_FORWARDED: [&str; 2] = ["x-forwarded-port", "x-forwarded-server"];

const TAKEN_BEGINNINGS: [&str; 7] =
    ["access-control-", "content-", "impersonate-", "if-", "proxy-", "sec-", "x-original-"];

const KEYS: [&str; 4] = ["headers.user", "headers.group", "headers.email", "headers.id_token"];

/// How applications are told who it is.
pub struct Headers {
    /// The names; all different.
    pub names: IdentityHeaderNames,
    /// Whether the ID token goes into `Authorization` too.
    pub authorization: bool,
    /// What nobody may send through our own proxy.
    pub stripped: StrippedHeaders,
}

impl Headers {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let mut seen: Vec<(HeaderName, &str)> = Vec::new();
        let [user, group, email, id_token] = KEYS.map(|key| {
            let name = reader.need(key, read_name)?;
            if let Some((_, other)) = seen.iter().find(|(one, _)| *one == name) {
                let what = format!("{other} has that name already");
                return Err(reader.wrong(key, Wrong::new(what).right("a name of its own for every field")));
            }
            seen.push((name.clone(), key));
            Ok(name)
        });
        let stripped = read_stripped(reader);
        let names = IdentityHeaderNames { user: user?, group: group?, email: email?, id_token: id_token? };
        Ok(Self { names, authorization: reader.switch("headers.authorization"), stripped: stripped? })
    }
}

fn read_stripped(reader: &mut Reader) -> Result<StrippedHeaders, Reported> {
    let mut stripped = StrippedHeaders::default();
    reader.each("headers.strip", |entry| {
        let mut alone = StrippedHeaders::default();
        let added = alone.add(entry).and_then(|()| stripped.add(entry));
        added.map_err(|error| Wrong::new(error.to_string()))?;
        let begins = |start: &&&str| alone.matches(start) || entry.to_ascii_lowercase().starts_with(**start);
        let taken = TAKEN.iter().find(|name| alone.matches(name)).or(TAKEN_BEGINNINGS.iter().find(begins));
        taken.map_or(Ok(()), |name| Err(Wrong::new(format!("{name} means something else already"))))
    })?;
    Ok(stripped)
}

fn read_name(text: &str) -> Result<HeaderName, Wrong> {
    // Applications behind CGI fold every other character into the same one, so that two names would become one.
    let name = text.parse::<HeaderName>().ok().filter(|name| is_plain(name.as_str()));
    let name = name.ok_or_else(|| Wrong::new("it is not made of letters, digits and - alone"))?;
    let forwarded = FORWARDED.contains(&name) || OTHER_FORWARDED.contains(&name.as_str());
    let taken = TAKEN.contains(&name.as_str()) || forwarded;
    let begins = TAKEN_BEGINNINGS.iter().any(|start| name.as_str().starts_with(start));
    if taken || begins {
        return Err(Wrong::new("this field means something else already"));
    }
    Ok(name)
}
