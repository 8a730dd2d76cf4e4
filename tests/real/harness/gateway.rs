//! The gateway's binary as a process

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use base64_simd::URL_SAFE_NO_PAD;
use foregate::flow::audit::RefreshOutcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::nonsense::NonsenseServer;
use super::process::{Program, Scratch, free_addresses};
use super::proxy::Backends;

/// Returns the command of the binary under test.
pub(crate) fn foregate() -> Command {
    Command::new(PathBuf::from(env!("CARGO_BIN_EXE_foregate")))
}

/// The gateway's configuration for its provider.
pub(crate) struct Registration {
    /// The lines of `[provider]`.
    pub(crate) provider: String,
    /// Additional lines of `[check]`.
    pub(crate) check: String,
    /// Additional lines of `[session]`.
    pub(crate) session: String,
    /// The one allowed group.
    pub(crate) group: &'static str,
    /// Additional sections.
    pub(crate) more: String,
}

impl Registration {
    /// Returns the settings of the client that is registered at every provider of the tests.
    pub(crate) fn at(issuer: &str, group: &'static str) -> Self {
        let provider =
            format!("issuer = \"{issuer}\"\nclient_id = \"foregate\"\nclient_secret = \"foregate-secret\"\n");
        Self { provider, check: String::new(), session: String::new(), group, more: String::new() }
    }
}

/// A running `foregate serve` that is ready.
pub(crate) struct Gateway {
    program: Program,
    /// The command line after `serve`.
    arguments: Vec<String>,
    client: reqwest::Client,
    public: SocketAddr,
    check: SocketAddr,
    check_grpc: SocketAddr,
    ops: SocketAddr,
}

impl Gateway {
    /// Starts the gateway for `origin` with the provider of `registration`.
    pub(crate) async fn start(origin: &str, registration: &Registration, scratch: &Scratch) -> Self {
        Self::start_on(free_addresses(), origin, registration, scratch).await
    }

    /// The same with given addresses: public, check, check over gRPC, and ops.
    pub(crate) async fn start_on(
        addresses: [SocketAddr; 4],
        origin: &str,
        registration: &Registration,
        scratch: &Scratch,
    ) -> Self {
        let config = scratch.write("foregate.toml", &config(origin, registration, addresses));
        Self::start_with(addresses, vec!["--config".to_owned(), config.display().to_string()], scratch).await
    }

    /// Starts `foregate serve` with these arguments, which must set the given addresses.
    pub(crate) async fn start_with(
        [public, check, check_grpc, ops]: [SocketAddr; 4],
        arguments: Vec<String>,
        scratch: &Scratch,
    ) -> Self {
        let program = serve("gateway", &arguments, ops, scratch).await;
        Self { program, arguments, client: client(), public, check, check_grpc, ops }
    }

    /// Returns the addresses that a proxy in front of this application needs.
    pub(crate) fn backends(&self, app: SocketAddr) -> Backends {
        Backends { app, public: self.public, check: self.check, check_grpc: self.check_grpc }
    }

    /// Starts another process with the same file and other addresses.
    pub(crate) async fn replica(&self, scratch: &Scratch) -> Self {
        let addresses = free_addresses();
        let names = ["public.listen", "check.listen", "check.grpc_listen", "ops.listen"];
        let set = names
            .iter()
            .zip(addresses)
            .flat_map(|(name, address)| ["--set".to_owned(), format!("{name}={address}")]);
        let arguments: Vec<_> = self.arguments.iter().cloned().chain(set).collect();
        let [public, check, check_grpc, ops] = addresses;
        let program = serve("replica", &arguments, ops, scratch).await;
        Self { program, arguments, client: client(), public, check, check_grpc, ops }
    }

    /// Asks whether a request with these cookies may pass, as Traefik does.
    pub(crate) async fn check(&self, origin: &str, cookies: &str) -> reqwest::Response {
        let host = origin.trim_start_matches("https://");
        let question = self.client.get(format!("http://{}/check/traefik", self.check));
        let question = question.header("x-forwarded-method", "GET").header("x-forwarded-proto", "https");
        let question = question
            .header("x-forwarded-host", host)
            .header("x-forwarded-uri", "/work")
            .header("x-forwarded-for", "203.0.113.9");
        question.header("accept", "application/json").header("cookie", cookies).send().await.unwrap()
    }

    /// Kills the gateway without a graceful shutdown and starts it again with the same file.
    pub(crate) async fn restart(&mut self, scratch: &Scratch) {
        self.program.kill();
        self.program = serve("gateway-again", &self.arguments, self.ops, scratch).await;
    }

    /// Returns the public listener, which browsers reach through the proxy.
    pub(crate) fn public(&self) -> SocketAddr {
        self.public
    }

    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts a server in place of the killed gateway that answers nonsense.
    pub(crate) async fn impersonate(&self) -> NonsenseServer {
        NonsenseServer::start(&[self.public, self.check, self.check_grpc]).await
    }

    /// Stops the gateway without ending it. It accepts connections, but sends no response.
    pub(crate) async fn freeze(&self) {
        self.program.freeze().await;
    }

    /// Returns the value of a counter, which is named with its labels.
    pub(crate) async fn count(&self, counter: &str) -> usize {
        let url = format!("http://{}/metrics", self.ops);
        let metrics = reqwest::get(url).await.unwrap().text().await.unwrap();
        let value = metrics.lines().find_map(|line| line.strip_prefix(counter));
        value.unwrap_or_else(|| panic!("{counter} in {metrics}")).trim().parse().unwrap()
    }

    /// Asserts that no refresh failed since the start of the gateway.
    pub(crate) async fn assert_no_failed_refresh(&self) {
        for outcome in RefreshOutcome::ALL.iter().filter(|outcome| **outcome != RefreshOutcome::Renewed) {
            let outcome = outcome.label();
            let counter = format!("foregate_refreshes_total{{outcome=\"{outcome}\"}}");
            assert_eq!(self.count(&counter).await, 0, "{counter}\n{}", self.log());
        }
    }

    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// Waits until the log contains `text` and returns the log. A line is written after the response that it
    /// describes.
    pub(crate) async fn wait_for_log(&mut self, text: &str) -> String {
        let what = format!("its log contained {text:?}");
        self.program.wait_for_line(&what, |line| line.contains(text).then_some(())).await;
        self.log()
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn serve(name: &'static str, arguments: &[String], ops: SocketAddr, scratch: &Scratch) -> Program {
    let mut program = Program::start(name, foregate().arg("serve").args(arguments), scratch);
    program.wait_until("/readyz was 200 with the provider ready", async || probe_readiness(ops).await).await;
    program
}

fn config(
    origin: &str,
    registration: &Registration,
    [public, check, check_grpc, ops]: [SocketAddr; 4],
) -> String {
    let Registration { provider, check: check_lines, session, group, more } = registration;
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).unwrap();
    let key = URL_SAFE_NO_PAD.encode_to_string(key);
    format!(
        r#"
[public]
urls = ["{origin}"]
listen = "{public}"

[check]
listen = "{check}"
grpc_listen = "{check_grpc}"
{check_lines}

[ops]
listen = "{ops}"

[provider]
{provider}
[session]
keys = ["{key}"]
{session}

[headers]
authorization = true

[policies.default]
allowed_groups = ["{group}"]

{more}"#
    )
}

/// Returns a value if the gateway is ready. The request is so small that it needs no HTTP client.
pub(crate) async fn probe_readiness(ops: SocketAddr) -> Option<()> {
    let mut connection = TcpStream::connect(ops).await.ok()?;
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply).await.ok()?;
    // The gateway serves sessions without the provider, but sign-ins need it.
    (reply.starts_with("HTTP/1.1 200") && reply.contains("\"state\": \"ready\"")).then_some(())
}
