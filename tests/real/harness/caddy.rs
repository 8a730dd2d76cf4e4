//! Caddy with the documented file in `deploy/caddy/`

use std::process::Command;

use super::proxy::{Aliases, Cookies, Site, adapt, read_deploy_file, tool_command};

/// Without these lines, Caddy does not send the gateway's cookies to the browser.
const COOKIE_OPTIONS: &str = "						copy_response_headers {
							include Set-Cookie
						}
";

/// A line of the file's global options.
const GLOBAL_OPTION: &str = "	skip_install_trust
";

/// The same line with the options of a test. No test changes the trust store of the machine. Caddy uses one loopback
/// address, and no port for redirects, because another test may use that port.
const TEST_OPTIONS: &str = "	skip_install_trust
	auto_https disable_redirects
	default_bind 127.0.0.1
	persist_config off
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(site: &Site<'_>) -> Command {
    let &Site { address, options, backends, scratch, .. } = site;
    assert_eq!(options.aliases, Aliases::Documented, "Caddy always removes aliases");
    let mut file = adapt(
        read_deploy_file("caddy/Caddyfile"),
        &[
            (GLOBAL_OPTION, TEST_OPTIONS),
            ("https://app.example.com", &format!("https://app.localhost:{}", address.port())),
            ("foregate:4181", &backends.check.to_string()),
            ("foregate:4180", &backends.public.to_string()),
            ("app:8080", &backends.app.to_string()),
            ("/etc/caddy/tls/tls.crt", &site.certificate),
            ("/etc/caddy/tls/tls.key", &site.key),
        ],
    );
    if options.cookies == Cookies::Dropped {
        file = adapt(file, &[(COOKIE_OPTIONS, "")]);
    }
    let mut command = tool_command("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(scratch.write("Caddyfile", &file));
    command
}
