//! The gateway under test: its command, its checks and its pages

use std::process::Command;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use reqwest::{Client, RequestBuilder};

use crate::harness::gateway::probe_readiness;
use crate::harness::{Registration, Scratch, foregate};
use crate::replica::Replica;
use crate::rows::Store;

/// Time limit of a request for the readiness.
const PROBE_LIMIT: Duration = Duration::from_secs(1);
/// The file with the session keys.
pub(crate) const KEYS_FILE: &str = "session-keys";

/// A gateway with its configuration.
pub(crate) enum Subject {
    Foregate(Foregate),
}

/// The configuration of Foregate that all processes share.
pub(crate) struct Foregate {
    pub(crate) origin: String,
    pub(crate) registration: Registration,
    pub(crate) store: Store,
    /// The lines of `[session.redis]` for each process.
    pub(crate) redis: Vec<String>,
}

impl Subject {
    /// Returns the command that starts a gateway.
    pub(crate) fn command(&self, replica: &Replica, scratch: &Scratch) -> Command {
        let Self::Foregate(gateway) = self;
        let name = format!("gateway-{}.toml", replica.number);
        let config = scratch.write(&name, &gateway.config(replica, scratch));
        let mut command = foregate();
        command.arg("serve").arg("--config").arg(config);
        command
    }

    /// Returns whether a gateway is ready for requests.
    pub(crate) async fn is_ready(&self, replica: &Replica) -> bool {
        let Self::Foregate(_) = self;
        let probe = tokio::time::timeout(PROBE_LIMIT, probe_readiness(replica.ops));
        matches!(probe.await, Ok(Some(())))
    }

    /// Returns the question whether a request with these cookies may pass, as Traefik sends it.
    pub(crate) fn check(
        &self,
        client: &Client,
        replica: &Replica,
        host: &str,
        cookies: &str,
    ) -> RequestBuilder {
        let Self::Foregate(_) = self;
        let request = client.get(format!("http://{}/check/traefik", replica.check));
        let request = request.header("x-forwarded-method", "GET").header("x-forwarded-proto", "https");
        let request = request.header("x-forwarded-host", host).header("x-forwarded-uri", "/work");
        let request = request.header("x-forwarded-for", "203.0.113.9").header("accept", "application/json");
        request.header("cookie", cookies)
    }

    /// Returns whether the status of a check lets the request pass.
    pub(crate) fn lets_pass(&self, status: u16) -> bool {
        let Self::Foregate(_) = self;
        status == 200
    }

    /// Returns the path that begins a sign-in and returns to `/work`.
    pub(crate) fn sign_in_path(&self) -> &'static str {
        let Self::Foregate(_) = self;
        "/oauth2/start?rd=/work"
    }

    /// Returns the header of an allowed check that contains the user.
    pub(crate) fn user_header(&self) -> &'static str {
        let Self::Foregate(_) = self;
        "x-forwarded-user"
    }

    /// Returns the name of the session cookie.
    pub(crate) fn cookie(&self) -> &'static str {
        let Self::Foregate(_) = self;
        "__Host-foregate"
    }
}

impl Foregate {
    fn config(&self, replica: &Replica, scratch: &Scratch) -> String {
        let Self { origin, registration, store, redis } = self;
        let Registration { provider, group, .. } = registration;
        let Replica { public, check, ops, .. } = replica;
        let keys = scratch.path().join(KEYS_FILE);
        let file = scratch.path().join("sessions.redb");
        let place = match store {
            Store::Cookie => String::new(),
            Store::File => format!("file = \"{}\"", file.display()),
            Store::Redis => format!("[session.redis]\n{}", redis[replica.number]),
        };
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
[policies.default]
allowed_groups = ["{group}"]

[session]
keys_file = "{keys}"
store = "{store}"
{place}
"#,
            keys = keys.display(),
            store = store.name(),
        )
    }
}

/// Returns a new session key, as `foregate secret` does.
pub(crate) fn new_key() -> String {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).unwrap();
    URL_SAFE_NO_PAD.encode_to_string(key)
}
