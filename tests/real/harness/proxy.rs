//! Proxy in front of the gateway, with the files that `deploy/` has for operators

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::authority::Authority;
use super::process::{Program, Scratch, panic_missing, repository};
use super::test_client::TestClient;
use super::{caddy, cilium, envoy, haproxy, nginx, traefik};

/// A proxy with a dialect in the gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Proxy {
    Traefik,
    Caddy,
    Envoy,
    EnvoyGrpc,
    /// Envoy with the configuration of Cilium, for checks over HTTP.
    CiliumHttp,
    /// The same for checks over gRPC.
    CiliumGrpc,
    Nginx,
    HAProxy,
}

impl Proxy {
    /// Returns the treatments of aliases that the proxy can be configured for.
    pub(crate) fn aliases(self) -> &'static [Aliases] {
        match self {
            Self::Traefik | Self::HAProxy => &[Aliases::Documented, Aliases::PassedToGateway],
            _ => &[Aliases::Documented],
        }
    }

    /// Returns whether the proxy removes a field with this name and forwards the request.
    pub(crate) fn removes(self, name: &str) -> bool {
        match self {
            Self::Traefik => false,
            Self::Caddy => name.contains(['_', '.']),
            _ => true,
        }
    }

    /// Returns whether the proxy removes fields by patterns. If not, the gateway refuses requests with such fields.
    pub(crate) fn removes_patterns(self) -> bool {
        self != Self::Nginx
    }

    /// Returns whether the proxy refuses a request that has this field more than once.
    pub(crate) fn refuses_repeated(self, name: &str) -> bool {
        self == Self::Nginx && name.eq_ignore_ascii_case("authorization")
    }

    /// Returns the name and version of the program.
    pub(crate) fn version(self) -> String {
        let argument = match self {
            Self::Traefik | Self::Caddy => "version",
            Self::Envoy | Self::EnvoyGrpc | Self::CiliumHttp | Self::CiliumGrpc => "--version",
            Self::Nginx | Self::HAProxy => "-v",
        };
        let output = tool_command(self.name()).arg(argument).output().unwrap();
        let text =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        let words = text.split(|byte: char| !byte.is_ascii_digit() && byte != '.');
        let version = words.map(|word| word.trim_matches('.')).find(|word| word.matches('.').count() == 2);
        format!("{} {}", self.name(), version.unwrap_or_else(|| panic!("no version in {text}")))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Envoy | Self::EnvoyGrpc | Self::CiliumHttp | Self::CiliumGrpc => "envoy",
            Self::Nginx => "nginx",
            Self::HAProxy => "haproxy",
        }
    }
}

/// Treatment of names like `X_Forwarded_User` by the proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aliases {
    /// The documented files are used.
    Documented,
    /// The proxy passes aliases to the gateway, which must refuse aliases of its own headers.
    PassedToGateway,
}

/// Whether cookies of a check that allows the request reach the browser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cookies {
    /// The documented files are used.
    Delivered,
    /// The lines that deliver cookies are removed from the files.
    Dropped,
}

/// The headers of the gateway's reply that Envoy sets on the client's request, in the configuration of Cilium.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum UpstreamHeaders {
    /// The documented files are used.
    Listed,
    /// All of them, which is the default of the Gateway API.
    All,
}

/// The header fields of the client that the proxy sends to the gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ClientHeaders {
    /// The documented files are used.
    Documented,
    /// A list with `Cookie` alone, in Traefik, Envoy and Cilium.
    OnlyCookie,
}

/// The room for headers in HAProxy's buffers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum HeaderRoom {
    /// The documented files are used.
    Documented,
    /// The lines that set it are removed from the files, so that it is 1 KiB.
    Default,
}

/// The proxy, and the differences of its files from the documented files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProxyOptions {
    pub(crate) proxy: Proxy,
    pub(crate) aliases: Aliases,
    pub(crate) cookies: Cookies,
    pub(crate) upstream_headers: UpstreamHeaders,
    pub(crate) client_headers: ClientHeaders,
    pub(crate) header_room: HeaderRoom,
}

impl From<Proxy> for ProxyOptions {
    fn from(proxy: Proxy) -> Self {
        Self {
            proxy,
            aliases: Aliases::Documented,
            cookies: Cookies::Delivered,
            upstream_headers: UpstreamHeaders::Listed,
            client_headers: ClientHeaders::Documented,
            header_room: HeaderRoom::Documented,
        }
    }
}

impl From<Aliases> for ProxyOptions {
    fn from(aliases: Aliases) -> Self {
        Self { aliases, ..Self::from(Proxy::Traefik) }
    }
}

impl From<Cookies> for ProxyOptions {
    fn from(cookies: Cookies) -> Self {
        Self { cookies, ..Self::from(Proxy::Traefik) }
    }
}

/// The servers behind the proxy.
pub(crate) struct Backends {
    pub(crate) app: SocketAddr,
    pub(crate) public: SocketAddr,
    pub(crate) check: SocketAddr,
    pub(crate) check_grpc: SocketAddr,
}

/// What a file of `deploy/` is adapted to: `app.localhost` at an address, and the servers behind it.
pub(super) struct Site<'s> {
    pub(super) address: SocketAddr,
    pub(super) options: ProxyOptions,
    pub(super) backends: &'s Backends,
    /// The path of the certificate.
    pub(super) certificate: String,
    /// The path of its key.
    pub(super) key: String,
    pub(super) scratch: &'s Scratch,
}

/// A running proxy with one https listener.
pub(crate) struct RunningProxy {
    _program: Program,
}

impl RunningProxy {
    /// Starts the proxy, which serves `app.localhost` at `address`. Waits until a sign-in path has a route, because
    /// the port opens before the routes exist.
    pub(crate) async fn start(
        address: SocketAddr,
        options: impl Into<ProxyOptions>,
        backends: &Backends,
        authority: &Authority,
        scratch: &Scratch,
    ) -> Self {
        let options = options.into();
        let site = Site {
            address,
            options,
            backends,
            certificate: scratch.write("tls.crt", authority.certificate_pem()).display().to_string(),
            key: scratch.write("tls.key", authority.key_pem()).display().to_string(),
            scratch,
        };
        let mut command = match options.proxy {
            Proxy::Traefik => traefik::command(&site),
            Proxy::Caddy => caddy::command(&site),
            Proxy::Envoy | Proxy::EnvoyGrpc => envoy::command(&site),
            Proxy::CiliumHttp | Proxy::CiliumGrpc => cilium::command(&site),
            Proxy::Nginx => nginx::command(&site),
            Proxy::HAProxy => haproxy::command(&site),
        };
        let mut program = Program::start(options.proxy.name(), &mut command, scratch);
        let client =
            TestClient::new(&format!("https://app.localhost:{}", address.port()), address, authority);
        program
            .wait_until("its routes existed", async || client.reaches("/oauth2/sign_in").await.then_some(()))
            .await;
        Self { _program: program }
    }
}

/// Returns the command of a program that `tests/tools/install` installs.
pub(super) fn tool_command(name: &str) -> Command {
    let path: PathBuf = repository().join("target/test-tools/bin").join(name);
    Command::new(if path.is_file() { path } else { panic_missing(name) })
}

/// Returns the content of a file in `deploy/`.
pub(super) fn read_deploy_file(name: &str) -> String {
    let path = repository().join("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces the values that differ between a deployment and this test. Panics if a value is not in the file, so that
/// the documented files and the tests stay consistent.
pub(super) fn adapt(mut text: String, replacements: &[(&str, &str)]) -> String {
    for (from, to) in replacements {
        assert!(text.contains(from), "a file in deploy/ no longer contains {from:?}");
        text = text.replace(from, to);
    }
    assert!(!text.contains("example.com"), "a documented host name remains in {text}");
    text
}
