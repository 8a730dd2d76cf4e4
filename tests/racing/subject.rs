//! The gateway under test: its command, its checks and its pages

use std::process::Command;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use reqwest::{Client, RequestBuilder};

use crate::addresses::Addresses;
use crate::foregate::Foregate;
use crate::harness::Scratch;
use crate::harness::gateway::probe_readiness;
use crate::oauth2_proxy::Oauth2Proxy;

/// Time limit of a request for the readiness.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// A gateway with its configuration.
pub(crate) enum Subject {
    Foregate(Foregate),
    /// Another gateway, to see that the program finds its faults.
    Oauth2Proxy(Oauth2Proxy),
}

impl Subject {
    /// Returns the command that starts a gateway.
    pub(crate) fn command(&self, at: &Addresses, scratch: &Scratch) -> Command {
        match self {
            Self::Foregate(gateway) => gateway.command(at, scratch),
            Self::Oauth2Proxy(gateway) => gateway.command(at),
        }
    }

    /// Returns whether a gateway is ready for requests.
    pub(crate) async fn is_ready(&self, at: &Addresses) -> bool {
        let ready = async {
            match self {
                Self::Foregate(_) => probe_readiness(at.ops).await.is_some(),
                Self::Oauth2Proxy(_) => Oauth2Proxy::is_ready(at).await,
            }
        };
        tokio::time::timeout(PROBE_LIMIT, ready).await.unwrap_or_default()
    }

    /// Returns the question whether a request with these cookies may pass.
    pub(crate) fn check(&self, client: &Client, at: &Addresses, host: &str, cookies: &str) -> RequestBuilder {
        let url = match self {
            Self::Foregate(_) => format!("http://{}/check/traefik", at.check),
            Self::Oauth2Proxy(_) => format!("http://{}/oauth2/auth", at.public),
        };
        let request = client.get(url).header("accept", "application/json").header("cookie", cookies);
        let request = request.header("x-forwarded-method", "GET").header("x-forwarded-proto", "https");
        let request = request.header("x-forwarded-host", host).header("x-forwarded-uri", "/work");
        request.header("x-forwarded-for", "203.0.113.9")
    }

    /// Returns whether the status of a check lets the request pass.
    pub(crate) fn lets_pass(&self, status: u16) -> bool {
        match self {
            Self::Foregate(_) => status == 200,
            Self::Oauth2Proxy(_) => status == 202,
        }
    }

    /// Returns the header of an allowed check that contains the user.
    pub(crate) fn user_header(&self) -> &'static str {
        match self {
            Self::Foregate(_) => "x-forwarded-user",
            Self::Oauth2Proxy(_) => "x-auth-request-preferred-username",
        }
    }

    /// Returns the name of the session cookie.
    pub(crate) fn cookie(&self) -> &'static str {
        match self {
            Self::Foregate(_) => "__Host-foregate",
            Self::Oauth2Proxy(_) => "_oauth2_proxy",
        }
    }

    /// Returns whether docs/guarantees.md is about this gateway.
    pub(crate) fn has_guarantees(&self) -> bool {
        matches!(self, Self::Foregate(_))
    }
}

/// Returns a random key in the form that both gateways read.
pub(crate) fn new_key() -> String {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).unwrap();
    URL_SAFE_NO_PAD.encode_to_string(key)
}
