//! A real Traefik, with the files of `deploy/traefik/`.

use std::net::SocketAddr;
use std::process::Command;

use super::authority::Authority;
use super::front::{Aliases, Backends, Cookies, Front, adapt, documented, tool};
use super::process::Scratch;

/// Without these lines Traefik keeps the gateway's cookies to itself.
const LISTED_COOKIES: &str = "        addAuthCookiesToResponse:
          - __Host-foregate
          - __Host-foregate-1
          - __Host-foregate-2
          - __Host-foregate-3
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(
    address: SocketAddr,
    front: Front,
    backends: &Backends,
    authority: &Authority,
    scratch: &Scratch,
) -> Command {
    let Front { aliases, cookies, .. } = front;
    let certificate = scratch.write("tls.crt", authority.certificate_pem());
    let key = scratch.write("tls.key", authority.key_pem());
    let mut dynamic = adapt(
        documented("traefik/dynamic.yaml"),
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
        documented("traefik/static.yaml"),
        &[
            ("\":443\"", &format!("\"{address}\"")),
            ("/etc/traefik/dynamic.yaml", &dynamic.display().to_string()),
        ],
    );
    if aliases == Aliases::LeftToTheGateway {
        static_file = adapt(static_file, &[("aliasHeadersStrategy: reject", "aliasHeadersStrategy: keep")]);
    }
    let static_file = scratch.write("static.yaml", &static_file);
    let mut command = tool("traefik");
    command.arg(format!("--configFile={}", static_file.display()));
    command
}
