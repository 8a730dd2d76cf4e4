//! Traefik with the documented files in `deploy/traefik/`

use std::process::Command;

use super::proxy::{
    Aliases, ClientHeaders, Cookies, ProxyOptions, Site, adapt, read_deploy_file, tool_command,
};

/// Without these lines, Traefik does not send the gateway's cookies to the browser.
const COOKIE_OPTIONS: &str = "        addAuthCookiesToResponse:
          - __Host-foregate
          - __Host-foregate-1
          - __Host-foregate-2
          - __Host-foregate-3
";

/// The line before which a list of headers for the gateway is inserted.
const REPLY_LIMIT: &str = "        maxResponseBodySize: 65536
";
const ONLY_COOKIE: &str = "        authRequestHeaders: [Cookie]
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(site: &Site<'_>) -> Command {
    let &Site { address, options, backends, scratch, .. } = site;
    let ProxyOptions { aliases, cookies, client_headers, .. } = options;
    let mut dynamic = adapt(
        read_deploy_file("traefik/dynamic.yaml"),
        &[
            ("app.example.com", "app.localhost"),
            ("foregate:4181", &backends.check.to_string()),
            ("foregate:4180", &backends.public.to_string()),
            ("http://app:8080", &format!("http://{}", backends.app)),
            ("/etc/traefik/tls/tls.crt", &site.certificate),
            ("/etc/traefik/tls/tls.key", &site.key),
        ],
    );
    if cookies == Cookies::Dropped {
        dynamic = adapt(dynamic, &[(COOKIE_OPTIONS, "")]);
    }
    if client_headers == ClientHeaders::OnlyCookie {
        dynamic = adapt(dynamic, &[(REPLY_LIMIT, &format!("{ONLY_COOKIE}{REPLY_LIMIT}"))]);
    }
    let dynamic = scratch.write("dynamic.yaml", &dynamic);
    let mut static_file = adapt(
        read_deploy_file("traefik/static.yaml"),
        &[
            ("\":443\"", &format!("\"{address}\"")),
            ("/etc/traefik/dynamic.yaml", &dynamic.display().to_string()),
        ],
    );
    if aliases == Aliases::PassedToGateway {
        static_file = adapt(static_file, &[("aliasHeadersStrategy: reject", "aliasHeadersStrategy: keep")]);
    }
    let static_file = scratch.write("static.yaml", &static_file);
    let mut command = tool_command("traefik");
    command.arg(format!("--configFile={}", static_file.display()));
    command
}
