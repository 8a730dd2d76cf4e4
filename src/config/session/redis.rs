//! The servers of `session.store = "redis"`

use url::Url;

use crate::access::origin::is_loopback_host;
use crate::config::checks::{choice, read_certificates};
use crate::config::key::{Key, Kind, Need, Section};
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong};
use crate::config::secrets::secret;
use crate::session::records::redis::{Login, RedisServers, RedisSettings, Topology};

const URLS: &str = "session.redis.urls";
const SERVICE: &str = "session.redis.service";
const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;

pub(in crate::config) const SECTION: Section = Section {
    path: "session.redis",
    example: "",
    about: "The Redis or Valkey that keeps the sessions, with session.store = \"redis\". docs/stores.md describes how \
            to prepare it.",
    keys: &[
        Key {
            name: "urls",
            kind: Kind::List,
            need: Need::Optional("[\"rediss://redis.example.com:6379\"]"),
            about: "Where it is: one server, or several sentinels or servers of a cluster. rediss:// uses TLS, and \
                    redis:// does not. A path is the number of the database. Required if session.store is \"redis\".",
            right: "URLs such as rediss://redis.example.com:6379, all with the same scheme and database",
        },
        Key {
            name: "topology",
            kind: Kind::Text,
            need: Need::Default("\"single\""),
            about: "\"single\" if the URL names one server, \"sentinel\" if the URLs name sentinels, \"cluster\" if they \
                    name servers of a cluster.",
            right: "\"single\", \"sentinel\" or \"cluster\"",
        },
        Key {
            name: "service",
            kind: Kind::Text,
            need: Need::Optional("\"mymaster\""),
            about: "The name under which the sentinels watch the servers. Required if the topology is \"sentinel\".",
            right: "the name in `sentinel monitor`",
        },
        Key {
            name: "username",
            kind: Kind::Text,
            need: Need::Optional("\"foregate\""),
            about: "The ACL user of this gateway. Without this key, the default user.",
            right: "the name of an ACL user",
        },
        Key {
            name: "password",
            kind: Kind::Secret,
            need: Need::Optional("\"…\""),
            about: "The password of that user. Either password or password_file may be set.",
            right: "the password of the ACL user, in password or password_file",
        },
        Key {
            name: "password_file",
            kind: Kind::SecretFile,
            need: Need::Optional("\"/run/secrets/redis-password\""),
            about: "A file that contains the password.",
            right: "the path of a file that this process may read",
        },
        Key {
            name: "sentinel_username",
            kind: Kind::Text,
            need: Need::Optional("\"foregate\""),
            about: "The ACL user of this gateway at the sentinels, if they have users of their own.",
            right: "the name of an ACL user of the sentinels",
        },
        Key {
            name: "sentinel_password",
            kind: Kind::Secret,
            need: Need::Optional("\"…\""),
            about: "The password of the user at the sentinels.",
            right: "the password, in sentinel_password or sentinel_password_file",
        },
        Key {
            name: "sentinel_password_file",
            kind: Kind::SecretFile,
            need: Need::Optional("\"/run/secrets/sentinel-password\""),
            about: "A file that contains that password.",
            right: "the path of a file that this process may read",
        },
        Key {
            name: "ca_file",
            kind: Kind::Text,
            need: Need::Optional("\"/etc/foregate/redis-ca.pem\""),
            about: "Certificates (PEM) of the authority that signed the certificates of the servers, if it is your own. \
                    With this key, the certificates of the system are not trusted.",
            right: "the path of a PEM file with at least one certificate, which this process may read",
        },
        Key {
            name: "key_prefix",
            kind: Kind::Text,
            need: Need::Default("\"foregate:\""),
            about: "What the name of every key begins with. Gateways with different session keys need different prefixes, \
                    or different databases.",
            right: "1 to 64 letters, digits and : . _ - / characters",
        },
    ],
};

/// Returns the first key of the section that the operator chose.
pub(super) fn chosen(reader: &Reader) -> Option<String> {
    let keys = SECTION.keys.iter().map(|key| format!("{}.{}", SECTION.path, key.name));
    keys.into_iter().find(|key| reader.is_chosen(key))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Sentinel,
    Cluster,
}

/// One of `urls`.
struct Server {
    host: String,
    port: Option<u16>,
    tls: bool,
    database: i64,
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader) -> Result<RedisSettings, Reported> {
    let form = reader.read_required("session.redis.topology", |text| {
        choice(text, &[("single", Form::Single), ("sentinel", Form::Sentinel), ("cluster", Form::Cluster)])
    });
    let servers = reader.read_list(URLS, parse_url);
    let service = reader.read_optional(SERVICE, |text| Ok(text.to_owned()));
    let login = read_login(reader, "session.redis.");
    let sentinel_login = read_login(reader, "session.redis.sentinel_");
    let ca = reader.read_optional("session.redis.ca_file", read_certificates);
    let key_prefix = reader.read_required("session.redis.key_prefix", parse_prefix);
    let (form, servers) = (form?, servers?);
    let first = check_servers(reader, form, &servers)?;
    let topology = match (form, service?) {
        (Form::Single, _) => Topology::Single,
        (Form::Cluster, _) => Topology::Cluster,
        (Form::Sentinel, Some(service)) => Topology::Sentinel { service, login: sentinel_login? },
        (Form::Sentinel, None) => return Err(reader.report_missing(SERVICE)),
    };
    let default_port = if form == Form::Sentinel { DEFAULT_SENTINEL_PORT } else { DEFAULT_PORT };
    let (tls, database) = first;
    warn_of_unused(reader, form, tls);
    let addresses =
        servers.into_iter().map(|server| (server.host, server.port.unwrap_or(default_port))).collect();
    let servers = RedisServers { topology, addresses, tls, ca: ca?, login: login?, database };
    Ok(RedisSettings { servers, key_prefix: key_prefix? })
}

/// Returns whether the servers use TLS, and their database.
fn check_servers(reader: &mut Reader, form: Form, servers: &[Server]) -> Result<(bool, i64), Reported> {
    let Some(first) = servers.first() else { return Err(reader.report_missing(URLS)) };
    let (tls, database) = (first.tls, first.database);
    let is_other = |server: &Server| (server.tls, server.database) != (tls, database);
    let wrong = if form == Form::Single && servers.len() > 1 {
        let wrong = Wrong::new("the topology is \"single\", but there are several URLs");
        Some(wrong.right("one URL; or set session.redis.topology to \"sentinel\" or \"cluster\""))
    } else if form == Form::Cluster && database != 0 {
        Some(Wrong::new("a cluster has only the database 0").right("URLs without a path"))
    } else if servers.iter().any(is_other) {
        Some(Wrong::new("the URLs have different schemes or databases"))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        return Err(reader.report_wrong(URLS, wrong));
    }
    if !tls && servers.iter().any(|server| !is_loopback_host(&server.host)) {
        reader
            .report
            .warn(URLS, "without TLS, the password and the ids of sessions can be read on the network");
    }
    Ok((tls, database))
}

/// Warns of settings that have no effect.
fn warn_of_unused(reader: &mut Reader, form: Form, tls: bool) {
    for name in ["service", "sentinel_username", "sentinel_password", "sentinel_password_file"] {
        let key = format!("session.redis.{name}");
        if form != Form::Sentinel && reader.is_chosen(&key) {
            reader.report.warn(&key, "without session.redis.topology = \"sentinel\", it has no effect");
        }
    }
    if !tls && reader.is_chosen("session.redis.ca_file") {
        reader
            .report
            .warn("session.redis.ca_file", "without a URL that begins with rediss://, it has no effect");
    }
}

fn read_login(reader: &mut Reader, prefix: &str) -> Result<Login, Reported> {
    let key = format!("{prefix}username");
    let username = reader.read_optional(&key, |text| Ok(text.to_owned()));
    let password = secret(reader, &format!("{prefix}password"));
    let login = Login { username: username?, password: password? };
    if login.username.is_some() && login.password.is_none() {
        let wrong = Wrong::new("there is no password for this user");
        return Err(reader.report_wrong(&key, wrong.right(format!("{prefix}password_file as well"))));
    }
    Ok(login)
}

fn parse_url(text: &str) -> Result<Server, Wrong> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "redis" | "rediss"));
    let url = url.ok_or_else(|| Wrong::new("it is not a URL that begins with rediss:// or redis://"))?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| Wrong::new("it has no host"))?;
    if !url.username().is_empty() || url.password().is_some() {
        let wrong = Wrong::new("it contains a user name or password, which would end up in logs");
        return Err(wrong.right("session.redis.username and session.redis.password_file"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Wrong::new("it has a query or a fragment (? or #)"));
    }
    let database = match url.path().trim_matches('/') {
        "" => 0,
        path => {
            let number =
                path.parse::<u16>().map_err(|_| Wrong::new("its path is not the number of a database"))?;
            i64::from(number)
        }
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Server { host, port: url.port(), tls: url.scheme() == "rediss", database })
}

fn parse_prefix(text: &str) -> Result<String, Wrong> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":._-/".contains(&byte);
    if text.is_empty() || text.len() > 64 {
        return Err(Wrong::new("it is empty or longer than 64 characters"));
    }
    if !text.bytes().all(allowed) {
        return Err(Wrong::new("it contains another character"));
    }
    Ok(text.to_owned())
}
