//! How is the second real provider run, oidc-provider of npm?

use std::process::Command;

use super::gateway::Registration;
use super::process::{Program, Scratch, free_addresses, installed, missing, repository};

/// One of its own for each test: it starts in a second.
pub(crate) struct OidcProvider {
    issuer: String,
    program: Program,
}

impl OidcProvider {
    /// With a client for an application at `origin`, and a new key for `algorithm`.
    pub(crate) async fn start(origin: &str, algorithm: &str, scratch: &Scratch) -> Self {
        Self::run(&[origin, algorithm], scratch).await
    }

    /// The same with tokens that live so many seconds, and refresh tokens that are good for one use.
    pub(crate) async fn rotating(origin: &str, algorithm: &str, life: u64, scratch: &Scratch) -> Self {
        Self::run(&[origin, algorithm, &life.to_string()], scratch).await
    }

    async fn run(arguments: &[&str], scratch: &Scratch) -> Self {
        let packages = repository().join("target/test-tools/oidc-provider");
        if !packages.is_dir() {
            missing("oidc-provider");
        }
        let [address] = free_addresses();
        let mut command = Command::new(installed("node"));
        command.arg(repository().join("tests/real/idp/idp.mjs")).arg(packages);
        command.arg(address.port().to_string()).args(arguments);
        let mut program = Program::start("oidc-provider", &mut command, scratch);
        let issuer = format!("http://{address}");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let discovery = format!("{issuer}/.well-known/openid-configuration");
        let answers = async || client.get(&discovery).send().await.ok()?.error_for_status().ok();
        program.until("it answers", answers).await;
        Self { issuer, program }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The ends of the lines of its log that begin so: `granted refresh_token` names people, `refused` and `revoked` say
    /// what was wrong.
    pub(crate) fn told(&self, beginning: &str) -> Vec<String> {
        let log = self.program.log();
        let lines = log.lines().filter_map(|line| line.strip_prefix(beginning));
        lines.map(|end| end.trim().to_owned()).collect()
    }

    /// What the gateway is to be told; `dev` may pass.
    pub(crate) fn registration(&self, algorithm: &str) -> Registration {
        let mut registration = Registration::at(&self.issuer, "dev");
        registration.provider.push_str(&format!("signing_algorithms = [\"{algorithm}\"]\n"));
        registration
    }
}
