//! A real Caddy, with the file in `deploy/caddy`.

use std::net::SocketAddr;
use std::process::Command;

use super::authority::Authority;
use super::front::{Aliases, Backends, Cookies, Front, adapt, documented, tool};
use super::process::Scratch;

/// Without these lines Caddy keeps the gateway's cookies to itself.
const COPIED_COOKIES: &str = "						copy_response_headers {
							include Set-Cookie
						}
";

/// A line of the file's global options.
const GLOBAL_OPTION: &str = "	skip_install_trust
";

/// The same line: no test changes what the machine trusts. One loopback address alone, and no redirect from a port that another test may have.
const OF_A_TEST: &str = "	skip_install_trust
	auto_https disable_redirects
	default_bind 127.0.0.1
	persist_config off
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(
    address: SocketAddr,
    front: Front,
    backends: &Backends,
    authority: &Authority,
    scratch: &Scratch,
) -> Command {
    assert_eq!(front.aliases, Aliases::Documented, "Caddy drops aliases by itself");
    let certificate = scratch.write("tls.crt", authority.certificate_pem());
    let key = scratch.write("tls.key", authority.key_pem());
    let mut file = adapt(
        documented("caddy/Caddyfile"),
        &[
            (GLOBAL_OPTION, OF_A_TEST),
            ("https://app.example.com", &format!("https://app.localhost:{}", address.port())),
            ("foregate:4181", &backends.check.to_string()),
            ("foregate:4180", &backends.public.to_string()),
            ("app:8080", &backends.app.to_string()),
            ("/etc/caddy/tls/tls.crt", &certificate.display().to_string()),
            ("/etc/caddy/tls/tls.key", &key.display().to_string()),
        ],
    );
    if front.cookies == Cookies::Dropped {
        file = adapt(file, &[(COPIED_COOKIES, "")]);
    }
    let mut command = tool("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(scratch.write("Caddyfile", &file));
    command
}
