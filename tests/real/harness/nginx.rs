//! nginx with the documented file in `deploy/nginx/`

use std::process::Command;

use super::process::Scratch;
use super::proxy::{Aliases, Cookies, Site, adapt, read_deploy_file, tool_command};

/// Without these lines, nginx does not send the gateway's cookies to the browser.
const COOKIE_OPTIONS: &str = "        add_header Set-Cookie $foregate_set_cookie_1 always;
        add_header Set-Cookie $foregate_set_cookie_2 always;
        add_header Set-Cookie $foregate_set_cookie_3 always;
        add_header Set-Cookie $foregate_set_cookie_4 always;
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(site: &Site<'_>) -> Command {
    let &Site { address, options, backends, scratch, .. } = site;
    assert_eq!(options.aliases, Aliases::Documented, "nginx always removes aliases");
    let mut file = adapt(
        read_deploy_file("nginx/nginx.conf"),
        &[
            ("listen 443 ssl", &format!("listen {address} ssl")),
            ("server_name app.example.com", "server_name app.localhost"),
            ("app.example.com", &format!("app.localhost:{}", address.port())),
            ("foregate:4181", &backends.check.to_string()),
            ("foregate:4180", &backends.public.to_string()),
            ("app:8080", &backends.app.to_string()),
            ("/etc/nginx/tls/tls.crt", &site.certificate),
            ("/etc/nginx/tls/tls.key", &site.key),
            ("worker_processes auto;", "worker_processes 1;"),
            ("\nhttp {\n", &paths_in(scratch)),
        ],
    );
    if options.cookies == Cookies::Dropped {
        file = adapt(file, &[(COOKIE_OPTIONS, "")]);
    }
    let mut command = tool_command("nginx");
    command
        .args(["-g", "daemon off; master_process off; error_log stderr;", "-e", "stderr", "-p"])
        .arg(scratch.path());
    command.arg("-c").arg(scratch.write("nginx.conf", &file));
    command
}

/// Returns the beginning of the `http` block, with the directories of a test.
fn paths_in(scratch: &Scratch) -> String {
    let folder = scratch.path().display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"));
    format!("\npid {folder}/nginx.pid;\nhttp {{\n    access_log off;\n{}", temporary.concat())
}
