//! HAProxy with the documented files in `deploy/haproxy/`

use std::process::Command;

use super::process::repository;
use super::proxy::{Aliases, Cookies, HeaderRoom, Site, adapt, read_deploy_file, tool_command};

/// Only root can start HAProxy with these lines.
const ROOT_OPTIONS: &str = "    user haproxy
    group haproxy
";

/// Without this line, HAProxy does not send the gateway's cookies to the browser.
const COOKIE_OPTION: &str = "    http-response lua.foregate_cookies
";

/// Without this line, HAProxy passes aliases to the gateway.
const ALIAS_OPTION: &str = "    option http-restrict-req-hdr-names delete
";

/// Without these lines, the buffers have 16 KiB, of which 1 KiB is for headers that HAProxy adds.
const BUFFER_OPTIONS: &str = "    tune.bufsize 65536
    tune.maxrewrite 32768
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(site: &Site<'_>) -> Command {
    let &Site { address, options, backends, scratch, .. } = site;
    let script = repository().join("deploy/haproxy/foregate.lua");
    let mut file = adapt(
        read_deploy_file("haproxy/haproxy.cfg"),
        &[
            (ROOT_OPTIONS, ""),
            ("bind :443", &format!("bind {address}")),
            ("app.example.com", &format!("app.localhost:{}", address.port())),
            ("foregate:4181", &backends.check.to_string()),
            ("foregate:4180", &backends.public.to_string()),
            ("app:8080", &backends.app.to_string()),
            ("/etc/haproxy/tls/tls.crt", &site.certificate),
            ("/etc/haproxy/foregate.lua", &script.display().to_string()),
        ],
    );
    if options.aliases == Aliases::PassedToGateway {
        file = adapt(file, &[(ALIAS_OPTION, "")]);
    }
    if options.cookies == Cookies::Dropped {
        file = adapt(file, &[(COOKIE_OPTION, "")]);
    }
    if options.header_room == HeaderRoom::Default {
        file = adapt(file, &[(BUFFER_OPTIONS, "")]);
    }
    let mut command = tool_command("haproxy");
    command.arg("-f").arg(scratch.write("haproxy.cfg", &file));
    command
}
