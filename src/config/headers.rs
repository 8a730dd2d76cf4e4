//! Identity headers, and headers of other gateways to strip

use http::HeaderName;

use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::access::field_names::{FORWARDED, alias_spellings, is_plain};
use crate::access::headers::{IdentityHeaderNames, MAX_ALIAS_BYTES};
use crate::access::headlamp::FOREIGN_FIELDS;
use crate::access::stripped::StrippedHeaders;

const RIGHT: &str =
    "a field name of letters, digits and - that nothing else uses, such as X-Forwarded-User or X-Auth-User";

/// oauth2-proxy, Authelia, Kubernetes, Grafana, authentik, Pomerium, Vouch, Tailscale, and the gateways of four clouds.
const HEADERS_OF_OTHER_GATEWAYS: &str = "[\"X-Auth-Request-*\", \"X-Auth-User\", \"X-Auth-Username\", \"X-Auth-Email\", \
     \"X-Auth-Groups\", \"X-Auth-Roles\", \"Remote-User\", \"Remote-Groups\", \"Remote-Name\", \
     \"Remote-Email\", \"X-Remote-*\", \"X-Authenticated-*\", \"X-Webauth-*\", \"X-Authentik-*\", \
     \"X-Pomerium-*\", \"X-Vouch-*\", \"Tailscale-User-*\", \"X-Forwarded-Preferred-Username\", \
     \"X-Forwarded-Groups\", \"X-Forwarded-Access-Token\", \"X-Goog-Authenticated-User-*\", \
     \"X-Goog-Iap-*\", \"Cf-Access-*\", \"X-Amzn-Oidc-*\", \"X-Ms-Client-Principal*\", \
     \"X-Ms-Token-*\", \"X-Ssl-Client-*\"]";

pub(super) const SECTION: Section = Section {
    path: "headers",
    example: "",
    about: "The header fields in which an application receives the user's identity. Values that a client sends in \
            these fields never reach the application.",
    keys: &[
        name("user", "\"X-Forwarded-User\"", "The user name."),
        name("group", "\"X-Forwarded-Group\"", "The groups, separated by commas."),
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
            need: Need::Default(HEADERS_OF_OTHER_GATEWAYS),
            about: "Names of header fields in which other gateways pass on an identity. An entry is a complete \
                    name, or the beginning of a name followed by *. If a client sends such a field through our own \
                    proxy (upstream.url), it never reaches the application. If you set this key, your list \
                    replaces this one.",
            right: "names of letters, digits and -, such as [\"Remote-User\", \"X-Auth-Request-*\"]",
        },
    ],
};

const fn name(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, kind: Kind::Text, need: Need::Default(default), about, right: RIGHT }
}

/// Fields that have another meaning to HTTP, to the proxy or to the gateway.
const TAKEN_NAMES: [&str; 27] = [
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

/// Forwarding fields that proxies set and the gateway does not read.
const OTHER_FORWARDED: [&str; 2] = ["x-forwarded-port", "x-forwarded-server"];

const TAKEN_PREFIXES: [&str; 7] =
    ["access-control-", "content-", "impersonate-", "if-", "proxy-", "sec-", "x-original-"];

const KEYS: [&str; 4] = ["headers.user", "headers.group", "headers.email", "headers.id_token"];

/// The headers in which applications receive the identity.
pub struct Headers {
    /// The names, all different.
    pub names: IdentityHeaderNames,
    /// Whether the ID token is also sent in `Authorization`.
    pub authorization: bool,
    /// The headers that our own proxy removes from the client's request.
    pub stripped: StrippedHeaders,
}

impl Headers {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let mut seen: Vec<(HeaderName, &str)> = Vec::new();
        let [user, group, email, id_token] = KEYS.map(|key| {
            let name = reader.read_required(key, read_name)?;
            if let Some((_, other)) = seen.iter().find(|(earlier, _)| *earlier == name) {
                let what = format!("{other} already has that name");
                return Err(
                    reader.report_wrong(key, Wrong::new(what).right("a different name for each field"))
                );
            }
            if alias_spellings(name.as_str(), MAX_ALIAS_BYTES).is_none() {
                let text = "its other spellings are too many to be named in a reply to a check; behind Envoy, remove \
                            them by a rule, as deploy/envoy does for the default name";
                reader.report.warn(key, text);
            }
            seen.push((name.clone(), key));
            Ok(name)
        });
        let stripped = read_stripped(reader);
        let is_headlamp = reader.switch("headlamp.enabled");
        let authorization = reader.switch("headers.authorization") || is_headlamp;
        let names = IdentityHeaderNames { user: user?, group: group?, email: email?, id_token: id_token? };
        let mut stripped = stripped?;
        if is_headlamp {
            stripped.add_all(&FOREIGN_FIELDS);
        }
        Ok(Self { names, authorization, stripped })
    }
}

fn read_stripped(reader: &mut Reader) -> Result<StrippedHeaders, Reported> {
    let mut stripped = StrippedHeaders::default();
    reader.read_list("headers.strip", |entry| {
        let mut alone = StrippedHeaders::default();
        let added = alone.add(entry).and_then(|()| stripped.add(entry));
        added.map_err(|error| Wrong::new(error.to_string()))?;
        let begins = |start: &&&str| alone.matches(start) || entry.to_ascii_lowercase().starts_with(**start);
        let taken =
            TAKEN_NAMES.iter().find(|name| alone.matches(name)).or(TAKEN_PREFIXES.iter().find(begins));
        taken.map_or(Ok(()), |name| Err(Wrong::new(format!("{name} already has another meaning"))))
    })?;
    Ok(stripped)
}

fn read_name(text: &str) -> Result<HeaderName, Wrong> {
    // Applications behind CGI map every other character to the same one, so two names could become one.
    let name = text.parse::<HeaderName>().ok().filter(|name| is_plain(name.as_str()));
    let name = name.ok_or_else(|| Wrong::new("it has characters other than letters, digits and -"))?;
    let forwarded = FORWARDED.contains(&name) || OTHER_FORWARDED.contains(&name.as_str());
    let taken = TAKEN_NAMES.contains(&name.as_str()) || forwarded;
    let begins = TAKEN_PREFIXES.iter().any(|start| name.as_str().starts_with(start));
    if taken || begins {
        return Err(Wrong::new("this field already has another meaning"));
    }
    Ok(name)
}
