//! The npm package oidc-provider as the second real provider

use std::process::Command;

use super::gateway::Registration;
use super::process::{Program, Scratch, find_program, free_addresses, panic_missing, repository};

/// A provider of one test. It starts in a second.
pub(crate) struct OidcProvider {
    issuer: String,
    program: Program,
}

impl OidcProvider {
    /// Starts a provider with a client for an application at `origin` and a new key for `algorithm`.
    pub(crate) async fn start(origin: &str, algorithm: &str, scratch: &Scratch) -> Self {
        Self::run(&[origin, algorithm], scratch).await
    }

    /// Starts a provider whose tokens are valid for `lifetime` seconds. Each refresh token is valid for one use.
    pub(crate) async fn start_rotating(
        origin: &str,
        algorithm: &str,
        lifetime: u64,
        scratch: &Scratch,
    ) -> Self {
        Self::run(&[origin, algorithm, &lifetime.to_string()], scratch).await
    }

    async fn run(arguments: &[&str], scratch: &Scratch) -> Self {
        let packages = repository().join("target/test-tools/oidc-provider");
        if !packages.is_dir() {
            panic_missing("oidc-provider");
        }
        let [address] = free_addresses();
        let mut command = Command::new(find_program("node"));
        command.arg(repository().join("tests/real/idp/idp.mjs")).arg(packages);
        command.arg(address.port().to_string()).args(arguments);
        let mut program = Program::start("oidc-provider", &mut command, scratch);
        let issuer = format!("http://{address}");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let discovery = format!("{issuer}/.well-known/openid-configuration");
        let answers = async || client.get(&discovery).send().await.ok()?.error_for_status().ok();
        program.wait_until("it answered", answers).await;
        Self { issuer, program }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the rest of each log line that starts with `prefix`. For `granted refresh_token` the rest is a user
    /// name; for `refused` and `revoked` it is the cause.
    pub(crate) fn log_entries(&self, prefix: &str) -> Vec<String> {
        let log = self.program.log();
        let lines = log.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.map(|rest| rest.trim().to_owned()).collect()
    }

    /// Returns the provider settings of the gateway. The group `dev` is allowed.
    pub(crate) fn registration(&self, algorithm: &str) -> Registration {
        let mut registration = Registration::at(&self.issuer, "dev");
        registration.provider.push_str(&format!("signing_algorithms = [\"{algorithm}\"]\n"));
        registration
    }
}
