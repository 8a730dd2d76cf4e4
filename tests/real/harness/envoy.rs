//! Envoy with the documented file in `deploy/envoy/`

use std::net::SocketAddr;
use std::process::Command;

use super::process::Scratch;
use super::proxy::{
    Aliases, ClientHeaders, Cookies, Proxy, Site, UpstreamHeaders, adapt, read_deploy_file, tool_command,
};

/// Without these lines, Envoy does not send the gateway's cookies to the browser.
const COOKIE_OPTIONS: &str = "                          allowed_client_headers_on_success:
                            patterns: [{exact: set-cookie, ignore_case: true}]
";

/// The lines around the list of headers that Envoy sends to the gateway.
const CLIENT_HEADERS: [&str; 2] = [
    "                      allowed_headers:
                        patterns:
",
    "                      # The client gets 503",
];
const ONLY_COOKIE: &str = "                          - {exact: cookie, ignore_case: true}
";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(site: &Site<'_>) -> Command {
    let &Site { address, options, backends, scratch, .. } = site;
    assert_eq!(options.aliases, Aliases::Documented, "the file removes aliases");
    assert_eq!(options.upstream_headers, UpstreamHeaders::Listed, "only the Gateway API copies all headers");
    let endpoint = |address: SocketAddr| format!("address: {}, port_value: {}", address.ip(), address.port());
    let (name, check, check_port) = match options.proxy {
        Proxy::EnvoyGrpc => ("envoy/envoy-grpc.yaml", backends.check_grpc, 4182),
        _ => ("envoy/envoy.yaml", backends.check, 4181),
    };
    let mut file = adapt(
        read_deploy_file(name),
        &[
            ("address: 0.0.0.0, port_value: 443", &endpoint(address)),
            ("\"app.example.com\"", &format!("\"app.localhost:{}\"", address.port())),
            (&format!("address: foregate, port_value: {check_port}"), &endpoint(check)),
            ("address: foregate, port_value: 4180", &endpoint(backends.public)),
            ("address: app, port_value: 8080", &endpoint(backends.app)),
            ("/etc/envoy/tls/tls.crt", &site.certificate),
            ("/etc/envoy/tls/tls.key", &site.key),
        ],
    );
    if options.cookies == Cookies::Dropped {
        file = adapt(file, &[(COOKIE_OPTIONS, "")]);
    }
    if options.client_headers == ClientHeaders::OnlyCookie {
        let (before, list) = file.split_once(CLIENT_HEADERS[0]).unwrap();
        let (_, after) = list.split_once(CLIENT_HEADERS[1]).unwrap();
        file = [before, CLIENT_HEADERS[0], ONLY_COOKIE, CLIENT_HEADERS[1], after].concat();
    }
    run(&file, scratch)
}

/// Returns the command that runs Envoy with this content of its file.
pub(super) fn run(file: &str, scratch: &Scratch) -> Command {
    let mut command = tool_command("envoy");
    command
        .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn", "--config-path"])
        .arg(scratch.write("envoy.yaml", file));
    command
}
