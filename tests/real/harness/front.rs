//! The proxy in front of the gateway, run with the very files that `deploy/` gives to operators.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::authority::Authority;
use super::caller::Caller;
use super::process::{Program, Scratch, missing, repository};
use super::{caddy, traefik};

/// A proxy that has a dialect of the gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Proxy {
    Traefik,
    Caddy,
}

impl Proxy {
    /// The ways to configure aliases that the proxy has.
    pub(crate) fn aliases(self) -> &'static [Aliases] {
        match self {
            Self::Traefik => &[Aliases::Documented, Aliases::LeftToTheGateway],
            Self::Caddy => &[Aliases::Documented],
        }
    }

    /// Returns whether the proxy removes a field of that name by itself, and forwards the request.
    pub(crate) fn drops(self, name: &str) -> bool {
        match self {
            Self::Traefik => false,
            Self::Caddy => name.contains(['_', '.']),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
        }
    }
}

/// What the proxy does with names like `X_Forwarded_User`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aliases {
    /// What the documented files make it do.
    Documented,
    /// They reach the gateway, which must refuse its own.
    LeftToTheGateway,
}

/// Whether cookies of a reply that lets pass reach the browser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cookies {
    /// As documented.
    Delivered,
    /// As without the lines that deliver them.
    Dropped,
}

/// The proxy, and how its files differ from the documented ones.
#[derive(Clone, Copy)]
pub(crate) struct Front {
    pub(crate) proxy: Proxy,
    pub(crate) aliases: Aliases,
    pub(crate) cookies: Cookies,
}

impl From<Proxy> for Front {
    fn from(proxy: Proxy) -> Self {
        Self { proxy, aliases: Aliases::Documented, cookies: Cookies::Delivered }
    }
}

impl From<Aliases> for Front {
    fn from(aliases: Aliases) -> Self {
        Self { aliases, ..Self::from(Proxy::Traefik) }
    }
}

impl From<Cookies> for Front {
    fn from(cookies: Cookies) -> Self {
        Self { cookies, ..Self::from(Proxy::Traefik) }
    }
}

/// The servers behind the proxy.
pub(crate) struct Backends {
    pub(crate) app: SocketAddr,
    pub(crate) public: SocketAddr,
    pub(crate) check: SocketAddr,
}

/// A running proxy with one https listener.
pub(crate) struct FrontProxy {
    _program: Program,
}

impl FrontProxy {
    /// Serves `app.localhost` at `address`; ready when a path of the sign-in is, because routes come after the port.
    pub(crate) async fn start(
        address: SocketAddr,
        front: impl Into<Front>,
        backends: &Backends,
        authority: &Authority,
        scratch: &Scratch,
    ) -> Self {
        let front = front.into();
        let mut command = match front.proxy {
            Proxy::Traefik => traefik::command(address, front, backends, authority, scratch),
            Proxy::Caddy => caddy::command(address, front, backends, authority, scratch),
        };
        let mut program = Program::start(front.proxy.name(), &mut command, scratch);
        let caller = Caller::new(&format!("https://app.localhost:{}", address.port()), address, authority);
        program
            .until("it has its routes", async || caller.reaches("/oauth2/sign_in").await.then_some(()))
            .await;
        Self { _program: program }
    }
}

/// A program that `tests/tools/install` has installed.
pub(super) fn tool(name: &str) -> Command {
    let path: PathBuf = repository().join("target/test-tools/bin").join(name);
    Command::new(if path.is_file() { path } else { missing(name) })
}

/// A file of `deploy/`.
pub(super) fn documented(name: &str) -> String {
    let path = repository().join("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces what differs between a deployment and this test; each must be there, so that the files cannot drift away.
pub(super) fn adapt(mut text: String, replacements: &[(&str, &str)]) -> String {
    for (from, to) in replacements {
        assert!(text.contains(from), "a file of deploy/ no longer holds {from:?}");
        text = text.replace(from, to);
    }
    assert!(!text.contains("example.com"), "a documented host name is left in {text}");
    text
}
