//! How is the gateway's own binary run?

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64_simd::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::{Program, Scratch, free_addresses};

/// The binary under test.
pub(crate) fn foregate() -> Command {
    Command::new(PathBuf::from(env!("CARGO_BIN_EXE_foregate")))
}

/// What the gateway is told about its provider.
pub(crate) struct Registration {
    /// The lines of `[provider]`.
    pub(crate) provider: String,
    /// The one group that may pass.
    pub(crate) group: &'static str,
    /// Sections of their own.
    pub(crate) more: String,
}

impl Registration {
    /// The client of every provider here.
    pub(crate) fn at(issuer: &str, group: &'static str) -> Self {
        let provider =
            format!("issuer = \"{issuer}\"\nclient_id = \"foregate\"\nclient_secret = \"foregate-secret\"\n");
        Self { provider, group, more: String::new() }
    }
}

/// `foregate serve`, ready to answer.
pub(crate) struct Gateway {
    program: Program,
    config: PathBuf,
    public: SocketAddr,
    check: SocketAddr,
    ops: SocketAddr,
}

impl Gateway {
    /// Serves `origin` with the accounts of a provider.
    pub(crate) async fn start(origin: &str, registration: &Registration, scratch: &Scratch) -> Self {
        let [public, check, ops] = free_addresses();
        let config = scratch.write("foregate.toml", &config(origin, registration, [public, check, ops]));
        let program = serve("gateway", &config, ops, scratch).await;
        Self { program, config, public, check, ops }
    }

    /// Kills it without a word, and starts it again with the same file.
    pub(crate) async fn restart(&mut self, scratch: &Scratch) {
        self.program.kill();
        self.program = serve("gateway-again", &self.config, self.ops, scratch).await;
    }

    /// Where browsers come to, through the proxy.
    pub(crate) fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where the proxy asks.
    pub(crate) fn check(&self) -> SocketAddr {
        self.check
    }

    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// The log, once it holds `words`: a line is written after the reply that it tells of.
    pub(crate) async fn log_with(&mut self, words: &str) -> String {
        let what = format!("its log says {words:?}");
        self.program.says(&what, |line| line.contains(words).then_some(())).await;
        self.log()
    }
}

async fn serve(name: &'static str, config: &Path, ops: SocketAddr, scratch: &Scratch) -> Program {
    let mut program = Program::start(name, foregate().arg("serve").arg("--config").arg(config), scratch);
    program.until("/readyz says 200, and that the provider is known", async || ready(ops).await).await;
    program
}

fn config(origin: &str, registration: &Registration, [public, check, ops]: [SocketAddr; 3]) -> String {
    let Registration { provider, group, more } = registration;
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

[ops]
listen = "{ops}"

[provider]
{provider}
[session]
keys = ["{key}"]

[headers]
authorization = true

[policies.default]
allowed_groups = ["{group}"]

{more}"#
    )
}

/// A question so small that it needs no client.
async fn ready(ops: SocketAddr) -> Option<()> {
    let mut connection = TcpStream::connect(ops).await.ok()?;
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply).await.ok()?;
    // Sessions are served without the provider, sign-ins are not.
    (reply.starts_with("HTTP/1.1 200") && reply.contains("\"state\": \"ready\"")).then_some(())
}
