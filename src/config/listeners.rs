//! Where do the proxy and the probes come in, and whom do we believe there?

use std::net::SocketAddr;

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
    about: "Where the proxy asks whether a request may pass.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Text,
            need: Need::Default("\"127.0.0.1:4181\""),
            about: "The address and port for the proxy, and for nobody else.",
            right: "an address and a port, such as 127.0.0.1:4181, or [::]:4181 for every address of the machine",
        },
        Key {
            name: "trusted_proxies",
            kind: Kind::List,
            need: Need::Default("[]"),
            about: "Whom to answer: addresses, networks such as 10.0.0.0/8, or the word private for all \
                    private networks. Whoever is trusted here can claim to ask for any client. An empty \
                    list trusts this machine, and is a mistake where the listener can be reached from \
                    elsewhere; with client_ca_file it trusts every peer with a certificate of that authority. \
                    In X-Forwarded-For these addresses are passed over from the right: the first that is none of \
                    them is the client that the log names.",
            right: "the proxy's own address or network, such as trusted_proxies = [\"10.0.3.7\"], or \
                    trusted_proxies = [\"private\"] for every private network",
        },
        tls::CERTIFICATE,
        tls::KEY,
        tls::CLIENT_CA,
    ],
};

pub(super) const OPS: Section = Section {
    path: "ops",
    example: "",
    about: "Where probes and Prometheus come in: /livez, /readyz and /metrics.",
    keys: &[Key {
        name: "listen",
        kind: Kind::Text,
        need: Need::Default("\"127.0.0.1:4183\""),
        about: "The address and port for probes and metrics. Nothing secret is served there, and yet it \
                need not be public.",
        right: "an address and a port, such as 127.0.0.1:4183, or [::]:4183 for every address of the machine",
    }],
};

const LISTENERS: [&str; 3] = ["public.listen", "check.listen", "ops.listen"];

/// Where the proxy asks.
pub struct CheckListener {
    /// The address the proxy reaches.
    pub listen: SocketAddr,
    /// Who is answered there; nobody by address where a certificate alone decides.
    pub trusted_proxies: TrustedProxies,
    /// What it speaks TLS with.
    pub tls: Option<TlsFiles>,
}

/// Where probes and Prometheus come in.
pub struct Ops {
    /// The address they reach.
    pub listen: SocketAddr,
}

impl CheckListener {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let listen = reader.need("check.listen", socket);
        let trusted = read_trusted(reader);
        let tls = tls::read(reader, "check");
        let (listen, trusted) = (listen?, trusted?);
        // A file that cannot be used is the mistake then, not that nobody is trusted.
        let by_certificate = reader.is_set("check.client_ca_file");
        let trusted = if by_certificate { trusted } else { or_this_machine(reader, listen, trusted)? };
        Ok(Self { listen, trusted_proxies: trusted, tls: tls? })
    }
}

impl Ops {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        Ok(Self { listen: reader.need("ops.listen", socket)? })
    }
}

fn read_trusted(reader: &mut Reader) -> Result<TrustedProxies, Reported> {
    let key = "check.trusted_proxies";
    let mut trusted = TrustedProxies::default();
    reader.each(key, |entry| trusted.add(entry).map_err(|error| Wrong::new(error.to_string())))?;
    if reader.list(key).iter().any(|entry| entry.ends_with("/0")) {
        reader
            .report
            .warn(key, "everybody is trusted, so whoever reaches check.listen can speak for any client");
    }
    Ok(trusted)
}

fn or_this_machine(
    reader: &mut Reader,
    listen: SocketAddr,
    trusted: TrustedProxies,
) -> Result<TrustedProxies, Reported> {
    if !trusted.is_empty() {
        return Ok(trusted);
    }
    if listen.ip().to_canonical().is_loopback() {
        return Ok(TrustedProxies::loopback());
    }
    let what = format!("nobody is trusted, and check.listen = {listen} can be reached from other machines");
    Err(reader.wrong("check.trusted_proxies", Wrong::new(what)))
}

/// Tells of listeners that cannot be open at the same time. One that cannot be read was told of before.
pub(super) fn keep_apart(reader: &mut Reader) -> Result<(), Reported> {
    let mut kept = Ok(());
    let mut open: Vec<(&str, SocketAddr)> = Vec::new();
    for key in LISTENERS {
        let Some(listen) = reader.text(key).and_then(|text| socket(&text).ok()) else { continue };
        if let Some((other, _)) = open.iter().find(|(_, other)| clash(listen, *other)) {
            let what = format!("{other} has that port already ({})", reader.place(other));
            kept = Err(reader.wrong(key, Wrong::new(what).right("a port of its own for every listener")));
        }
        open.push((key, listen));
    }
    kept
}

/// Whether the system would refuse the second: the same port, on the same address or on all of them.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let (here, there) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() != 0
        && one.port() == other.port()
        && (here == there || here.is_unspecified() || there.is_unspecified())
}
