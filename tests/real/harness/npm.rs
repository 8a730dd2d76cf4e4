//! How is the second real provider run, oidc-provider of npm?

use std::process::Command;

use super::gateway::Registration;
use super::process::{Program, Scratch, free_addresses, installed, missing, repository};

/// One of its own for each test: it starts in a second.
pub(crate) struct OidcProvider {
    issuer: String,
    _program: Program,
}

impl OidcProvider {
    /// With a client for an application at `origin`, and a new key for `algorithm`.
    pub(crate) async fn start(origin: &str, algorithm: &str, scratch: &Scratch) -> Self {
        let packages = repository().join("target/test-tools/oidc-provider");
        if !packages.is_dir() {
            missing("oidc-provider");
        }
        let [address] = free_addresses();
        let mut command = Command::new(installed("node"));
        command.arg(repository().join("tests/real/idp/idp.mjs")).arg(packages);
        command.args([&address.port().to_string(), origin, algorithm]);
        let mut program = Program::start("oidc-provider", &mut command, scratch);
        let issuer = format!("http://{address}");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let discovery = format!("{issuer}/.well-known/openid-configuration");
        let answers = async || client.get(&discovery).send().await.ok()?.error_for_status().ok();
        program.until("it answers", answers).await;
        Self { issuer, _program: program }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the gateway is to be told; `dev` may pass.
    pub(crate) fn registration(&self, algorithm: &str) -> Registration {
        let mut registration = Registration::at(&self.issuer, "dev");
        registration.provider.push_str(&format!("signing_algorithms = [\"{algorithm}\"]\n"));
        registration
    }
}
