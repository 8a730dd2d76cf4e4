//! Listeners for the proxy and for probes, and the trusted proxies

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::checks::socket;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use super::tls;
use crate::access::client::TrustedProxies;
use crate::certificate::TlsFiles;

pub(super) const CHECK: Section = Section {
    path: "check",
    example: "",
    about: "The check listener, at which the proxy asks whether a request may pass.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Text,
            need: Need::Default("\"127.0.0.1:4181\""),
            about: "The address and port for the proxy, and for no other client.",
            right: "an address and a port, such as 127.0.0.1:4181, or [::]:4181 for every address of the machine",
        },
        Key {
            name: "grpc_listen",
            kind: Kind::Text,
            need: Need::Optional("\"127.0.0.1:4182\""),
            about: "The address and port for checks of Envoy over gRPC. Without this key, there is no such listener. \
                    trusted_proxies and the TLS files are those of listen.",
            right: "an address and a port, such as 127.0.0.1:4182, or [::]:4182 for every address of the machine",
        },
        Key {
            name: "trusted_proxies",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "The peers that the gateway answers: addresses, networks such as 10.0.0.0/8, or the word \
                    private for all private networks. A trusted peer can claim to ask for any client. An empty \
                    list trusts only this machine, so it is a mistake if other machines can reach the listener. \
                    With client_ca_file, an empty list trusts every peer with a certificate of that authority. In \
                    X-Forwarded-For, these addresses are skipped from the right. The first other address is logged \
                    as the client.",
            right: "the proxy's own address or network, such as trusted_proxies = [\"10.0.3.7\"], or \
                    trusted_proxies = [\"private\"] for every private network",
        },
        Key {
            name: "dangerously_keep_content_length",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Replies to Envoy name content-length for removal, because a list that copies all headers would \
                    otherwise turn the body of a request into a second request that no check sees. So Envoy sends \
                    bodies in chunks. Set this key only if the application cannot read chunks, and if \
                    allowed_upstream_headers lists single headers.",
            right: "true or false",
        },
        Key {
            name: "oauth2_proxy_path",
            kind: Kind::Switch,
            need: Need::Default("false"),
            about: "Whether this listener also answers at /oauth2/auth, the path of oauth2-proxy, for auth_request with \
                    X-Original-URL. The query may have allowed_groups, allowed_emails and allowed_email_domains, each \
                    once. The user must meet them and policies.default.",
            right: "true or false",
        },
        tls::CERTIFICATE,
        tls::KEY,
        tls::CLIENT_CA,
    ],
};

pub(super) const OPS: Section = Section {
    path: "ops",
    example: "",
    about: "The listener for probes and Prometheus: /livez, /readyz and /metrics.",
    keys: &[LISTEN_OPS, ADMIN_SOCKET],
};

const LISTEN_OPS: Key = Key {
    name: "listen",
    kind: Kind::Text,
    need: Need::Default("\"127.0.0.1:4183\""),
    about: "The address and port for probes and metrics. The listener serves nothing secret, but there is no \
                need to make it public.",
    right: "an address and a port, such as 127.0.0.1:4183, or [::]:4183 for every address of the machine",
};

const ADMIN_SOCKET: Key = Key {
    name: "admin_socket",
    kind: Kind::Text,
    need: Need::Optional("\"/run/foregate/admin.sock\""),
    about: "The Unix socket for `foregate sessions`, which lists and ends the sessions of a user. The gateway creates \
            it with the mode 0600, so only its own user and root can use it. Without this key, there is none.",
    right: "the path of a file in a directory that only the gateway can write to, such as /run/foregate/admin.sock",
};

/// The length of a path to a socket. The system accepts 107 bytes, and the gateway first binds in a directory next to
/// it.
const MAX_SOCKET_PATH: usize = 100;

/// The keys with the addresses of all listeners.
pub(super) const LISTENERS: [&str; 4] = ["public.listen", "check.listen", "check.grpc_listen", "ops.listen"];

/// The check listener.
pub struct CheckListener {
    /// The address and port for the proxy.
    pub listen: SocketAddr,
    /// The address and port for checks over gRPC, if configured.
    pub grpc_listen: Option<SocketAddr>,
    /// The peers that are answered; empty if a certificate alone decides.
    pub trusted_proxies: TrustedProxies,
    /// Whether replies to Envoy do not name `Content-Length` for removal.
    pub keeps_content_length: bool,
    /// Whether the path of oauth2-proxy is a check.
    pub oauth2_proxy_path: bool,
    /// The files for TLS; `None` for plain http.
    pub tls: Option<TlsFiles>,
}

/// The listener for probes and Prometheus.
pub struct Ops {
    /// The address and port for probes.
    pub listen: SocketAddr,
    /// The socket of the operator, if configured.
    pub admin_socket: Option<PathBuf>,
}

impl CheckListener {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let listen = reader.read_required("check.listen", socket);
        let grpc_listen = reader.read_optional("check.grpc_listen", socket);
        let trusted = read_trusted(reader);
        let tls = tls::read(reader, "check");
        let (listen, grpc_listen, trusted) = (listen?, grpc_listen?, trusted?);
        // With this key set, an unusable file is the mistake, not an empty list of proxies.
        let by_certificate = reader.is_set("check.client_ca_file");
        let trusted = if by_certificate {
            trusted
        } else {
            default_to_loopback(
                reader,
                &[("check.listen", Some(listen)), ("check.grpc_listen", grpc_listen)],
                trusted,
            )?
        };
        let keeps_content_length = read_keeps_content_length(reader);
        let oauth2_proxy_path = reader.switch("check.oauth2_proxy_path");
        Ok(Self {
            listen,
            grpc_listen,
            trusted_proxies: trusted,
            keeps_content_length,
            oauth2_proxy_path,
            tls: tls?,
        })
    }
}

impl Ops {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let listen = reader.read_required("ops.listen", socket);
        let admin_socket = reader.read_optional("ops.admin_socket", parse_socket_path);
        Ok(Self { listen: listen?, admin_socket: admin_socket? })
    }
}

fn parse_socket_path(text: &str) -> Result<PathBuf, Wrong> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(Wrong::new("it is not an absolute path"));
    }
    if text.len() > MAX_SOCKET_PATH {
        return Err(Wrong::new("it is longer than 100 bytes"));
    }
    if !path.parent().is_some_and(Path::is_dir) {
        return Err(Wrong::new("its directory does not exist"));
    }
    if path.is_dir() {
        return Err(Wrong::new("it is a directory"));
    }
    Ok(path.to_owned())
}

fn read_keeps_content_length(reader: &mut Reader) -> bool {
    let key = "check.dangerously_keep_content_length";
    let keeps = reader.switch(key);
    if keeps {
        let text = "if Envoy copies all headers of a reply, the body of a request is a second request that no check sees";
        reader.report.warn(key, text);
    }
    keeps
}

fn read_trusted(reader: &mut Reader) -> Result<TrustedProxies, Reported> {
    let key = "check.trusted_proxies";
    let mut trusted = TrustedProxies::default();
    reader.read_list(key, |entry| trusted.add(entry).map_err(|error| Wrong::new(error.to_string())))?;
    if reader.list(key).iter().any(|entry| entry.ends_with("/0")) {
        let text =
            "every address is trusted, so a peer that reaches check.listen can claim to ask for any client";
        reader.report.warn(key, text);
    }
    Ok(trusted)
}

fn default_to_loopback(
    reader: &mut Reader,
    listeners: &[(&str, Option<SocketAddr>)],
    trusted: TrustedProxies,
) -> Result<TrustedProxies, Reported> {
    if !trusted.is_empty() {
        let is_local = |listen: &SocketAddr| listen.ip().to_canonical().is_loopback();
        let local = listeners.iter().find(|(_, listen)| listen.is_some_and(|listen| is_local(&listen)));
        if let Some((key, _)) = local
            && !trusted.trusts(Ipv4Addr::LOCALHOST.into())
            && !trusted.trusts(Ipv6Addr::LOCALHOST.into())
        {
            let text = format!(
                "no proxy on this machine is trusted, but only this machine can reach {key}; leave the key out to trust \
                 this machine (private does not include it)"
            );
            reader.report.warn("check.trusted_proxies", &text);
        }
        return Ok(trusted);
    }
    let reachable = listeners.iter().find_map(|(key, listen)| {
        let listen = listen.filter(|listen| !listen.ip().to_canonical().is_loopback())?;
        Some(format!("no proxy is trusted, but other machines can reach {key} = {listen}"))
    });
    match reachable {
        None => Ok(TrustedProxies::loopback()),
        Some(what) => Err(reader.report_wrong("check.trusted_proxies", Wrong::new(what))),
    }
}

/// Reports listeners that cannot be open at the same time. An address that cannot be parsed has been reported before.
pub(super) fn check_port_conflicts(reader: &mut Reader) -> Result<(), Reported> {
    let mut result = Ok(());
    let mut open: Vec<(&str, SocketAddr)> = Vec::new();
    for key in LISTENERS {
        let Some(listen) = reader.text(key).and_then(|text| socket(&text).ok()) else { continue };
        if let Some((other, _)) = open.iter().find(|(_, other)| conflict(listen, *other)) {
            let what = format!("{other} already uses that port ({})", reader.place(other));
            result =
                Err(reader.report_wrong(key, Wrong::new(what).right("a different port for each listener")));
        }
        open.push((key, listen));
    }
    result
}

/// Returns whether the system would refuse the second: the same port, on the same address or on all addresses.
fn conflict(first: SocketAddr, second: SocketAddr) -> bool {
    let (here, there) = (first.ip().to_canonical(), second.ip().to_canonical());
    first.port() != 0
        && first.port() == second.port()
        && (here == there || here.is_unspecified() || there.is_unspecified())
}
