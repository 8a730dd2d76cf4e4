//! How is a real Traefik run with the very files that `deploy/traefik/` gives to operators?

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::authority::Authority;
use super::caller::Caller;
use super::process::{Program, Scratch, missing, repository};

/// What the entry point does with names like `X_Forwarded_User`.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Aliases {
    /// As documented: Traefik refuses them all.
    RefusedByTraefik,
    /// As Traefik does when nothing is said: they reach the gateway, which is to refuse its own.
    LeftToTheGateway,
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
        aliases: Aliases,
        backends: &Backends,
        authority: &Authority,
        scratch: &Scratch,
    ) -> Self {
        let certificate = scratch.write("tls.crt", authority.certificate_pem());
        let key = scratch.write("tls.key", authority.key_pem());
        let dynamic = adapt(
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
