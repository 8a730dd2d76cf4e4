//! Envoy with the configuration that Cilium generates for the routes in `deploy/cilium/`

use std::net::SocketAddr;
use std::process::Command;

use super::envoy;
use super::process::repository;
use super::proxy::{ClientHeaders, Proxy, Site, UpstreamHeaders, adapt, read_deploy_file};

/// What Cilium generates for an empty list.
const ALL_HEADERS: &str = "[{safe_regex: {regex: \".*\"}}]";
const GRPC_SERVICE: &str = "authority: \"foregate:4182\"}\n";
/// A loaded machine needs more than 200 ms for a check.
const GRPC_SERVICE_WITH_TIMEOUT: &str =
    "authority: \"foregate:4182\"}\n                        timeout: 10s\n";

/// Returns the command that serves `app.localhost` at `address`.
pub(super) fn command(site: &Site<'_>) -> Command {
    let &Site { address, options, backends, scratch, .. } = site;
    let endpoint = |address: SocketAddr| format!("address: {}, port_value: {}", address.ip(), address.port());
    let other = if options.proxy == Proxy::CiliumGrpc { "HTTP" } else { "GRPC" };
    let route = read_deploy_file("cilium/route-http.yaml");
    let allowed_headers = match options.client_headers {
        ClientHeaders::Documented => matchers(&route, "allowedHeaders"),
        ClientHeaders::OnlyCookie => "[{exact: Cookie, ignore_case: true}]".to_owned(),
    };
    let allowed_response_headers = match options.upstream_headers {
        UpstreamHeaders::Listed => matchers(&route, "allowedResponseHeaders"),
        UpstreamHeaders::All => ALL_HEADERS.to_owned(),
    };
    let path = route.split_once(" path: /check").unwrap().1.lines().next().unwrap();
    let file = std::fs::read_to_string(repository().join("tests/real/harness/cilium.yaml")).unwrap();
    let file = adapt(
        file,
        &[
            ("address: 0.0.0.0, port_value: 443", &endpoint(address)),
            ("headlamp.example.com", "app.localhost"),
            ("address: foregate, port_value: 4180", &endpoint(backends.public)),
            ("address: foregate, port_value: 4181", &endpoint(backends.check)),
            ("address: foregate, port_value: 4182", &endpoint(backends.check_grpc)),
            ("address: headlamp, port_value: 80", &endpoint(backends.app)),
            ("/etc/envoy/tls/tls.crt", &site.certificate),
            ("/etc/envoy/tls/tls.key", &site.key),
            ("envoy.filters.http.ext_authz/OTHER", &format!("envoy.filters.http.ext_authz/{other}")),
            ("ALLOWED_HEADERS", &allowed_headers),
            ("ALLOWED_RESPONSE_HEADERS", &allowed_response_headers),
            ("path_prefix: PATH", &format!("path_prefix: /check{path}")),
            (GRPC_SERVICE, GRPC_SERVICE_WITH_TIMEOUT),
        ],
    );
    envoy::run(&file, scratch)
}

/// Translates a list of header names in a route, as Cilium does.
fn matchers(route: &str, list: &str) -> String {
    let (_, entries) = route.split_once(&format!(" {list}:\n")).unwrap();
    let names = entries.lines().map_while(|line| line.trim().strip_prefix("- "));
    let patterns: Vec<_> = names.map(|name| format!("{{exact: {name}, ignore_case: true}}")).collect();
    assert!(!patterns.is_empty(), "the list {list} is empty");
    format!("[{}]", patterns.join(", "))
}
