//! How is a real Traefik run with the very files that `deploy/traefik/` gives to operators?

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::authority::Authority;
use super::caller::Caller;
use super::process::{Program, Scratch, missing, repository};

/// Without these lines Traefik keeps the gateway's cookies to itself.
const LISTED_COOKIES: &str = "        addAuthCookiesToResponse:
          - __Host-foregate
          - __Host-foregate-1
          - __Host-foregate-2
          - __Host-foregate-3
";

/// What the entry point does with names like `X_Forwarded_User`.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Aliases {
    /// As documented: Traefik refuses them all.
    RefusedByTraefik,
    /// As Traefik does when nothing is said: they reach the gateway, which is to refuse its own.
    LeftToTheGateway,
}

/// Whether the cookies of an answer that lets pass reach the browser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cookies {
    /// As documented.
    Delivered,
    /// As where the middleware does not list them.
    Dropped,
}

/// How Traefik's files differ from the documented ones.
#[derive(Clone, Copy)]
pub(crate) struct Front {
    pub(crate) aliases: Aliases,
    pub(crate) cookies: Cookies,
}

impl From<Aliases> for Front {
    fn from(aliases: Aliases) -> Self {
        Self { aliases, cookies: Cookies::Delivered }
    }
}

impl From<Cookies> for Front {
    fn from(cookies: Cookies) -> Self {
        Self { aliases: Aliases::RefusedByTraefik, cookies }
    }
}

/// Who stands behind Traefik.
pub(crate) struct Backends {
    pub(crate) app: SocketAddr,
    pub(crate) public: SocketAddr,
    pub(crate) check: SocketAddr,
}

/// Traefik with one https entry point.
pub(crate) struct Traefik {
    _program: Program,
}

impl Traefik {
    /// Serves `app.localhost` at `address`; ready when a path of the sign-in is, because routes come after the port.
    pub(crate) async fn start(
        address: SocketAddr,
        front: impl Into<Front>,
        backends: &Backends,
        authority: &Authority,
        scratch: &Scratch,
    ) -> Self {
        let Front { aliases, cookies } = front.into();
        let certificate = scratch.write("tls.crt", authority.certificate_pem());
        let key = scratch.write("tls.key", authority.key_pem());
        let mut dynamic = adapt(
            documented("dynamic.yaml"),
            &[
                ("app.example.com", "app.localhost"),
                ("foregate:4181", &backends.check.to_string()),
                ("foregate:4180", &backends.public.to_string()),
                ("http://app:8080", &format!("http://{}", backends.app)),
                ("/etc/traefik/tls/tls.crt", &certificate.display().to_string()),
                ("/etc/traefik/tls/tls.key", &key.display().to_string()),
            ],
        );
        if cookies == Cookies::Dropped {
            dynamic = adapt(dynamic, &[(LISTED_COOKIES, "")]);
        }
        let dynamic = scratch.write("dynamic.yaml", &dynamic);
        let mut static_file = adapt(
            documented("static.yaml"),
            &[
                ("\":443\"", &format!("\"{address}\"")),
                ("/etc/traefik/dynamic.yaml", &dynamic.display().to_string()),
            ],
        );
        if aliases == Aliases::LeftToTheGateway {
            static_file =
                adapt(static_file, &[("aliasHeadersStrategy: reject", "aliasHeadersStrategy: keep")]);
        }
        let static_file = scratch.write("static.yaml", &static_file);
        let argument = format!("--configFile={}", static_file.display());
        let mut program = Program::start("traefik", Command::new(binary()).arg(argument), scratch);
        let caller = Caller::new(&format!("https://app.localhost:{}", address.port()), address, authority);
        program
            .until("it has its routes", async || caller.reaches("/oauth2/sign_in").await.then_some(()))
            .await;
        Self { _program: program }
    }
}

fn binary() -> PathBuf {
    let path = repository().join("target/test-tools/bin/traefik");
    if path.is_file() { path } else { missing("Traefik") }
}

fn documented(name: &str) -> String {
    let path = repository().join("deploy/traefik").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces what differs between a cluster and this test; each must be there, so that the files cannot drift away.
fn adapt(mut text: String, replacements: &[(&str, &str)]) -> String {
    for (from, to) in replacements {
        assert!(text.contains(from), "deploy/traefik no longer holds {from:?}");
        text = text.replace(from, to);
    }
    assert!(!text.contains("example.com"), "a documented host name is left in {text}");
    text
}
