//! Advisories about other software, tried against the gateway
//!
//! The name of each test contains the identifier of the advisory. The table in `docs/attacks.md` lists all advisories.
//! It includes those that do not apply here, with the reason. The module `rows` has the threats without an advisory.

mod headers;
mod page;
mod paths;
mod redirects;
mod rows;
mod sessions;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::{Browser, Gateway, HttpReply, Provider, provider};

/// A provider, a gateway with the public path `/open/`, and a browser with a signed-in user.
struct Scene {
    provider: Provider,
    gateway: Gateway,
    browser: Browser,
}

impl Scene {
    async fn new(user: &str, more: &[(&str, &str)]) -> Self {
        Self::at(provider().await, user, more).await
    }

    async fn at(provider: Provider, user: &str, more: &[(&str, &str)]) -> Self {
        let open = [("public_paths.open.paths", "/open/,/favicon.ico")];
        let gateway = Gateway::with(&provider, &[&open, more].concat()).await;
        let mut browser = Browser::new();
        let form = browser.open(&gateway.url("/oauth2/start")).await;
        browser.sign_in(&form, user, user).await;
        Self { provider, gateway, browser }
    }

    /// Asks the check with the session and these fields. `+name` adds a line to the fields of the proxy.
    async fn ask(&self, fields: &[(&str, &str)]) -> HttpReply {
        self.ask_with(self.browser.cookie_header(), fields).await
    }

    /// Asks the check without a session.
    async fn ask_without_session(&self, fields: &[(&str, &str)]) -> HttpReply {
        self.ask_with(None, fields).await
    }

    async fn ask_with(&self, cookies: Option<HeaderValue>, fields: &[(&str, &str)]) -> HttpReply {
        let mut headers = self.gateway.question("/");
        headers.extend(cookies.map(|cookies| (COOKIE, cookies)));
        for (name, value) in fields {
            let bare: HeaderName = name.trim_start_matches('+').parse().unwrap();
            let given = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            if name.starts_with('+') {
                headers.append(bare, given);
            } else if *value == "(absent)" {
                headers.remove(bare);
            } else {
                headers.insert(bare, given);
            }
        }
        self.gateway.ask(headers).await
    }
}

fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// Asks the check about a navigation to `/x`. The fields replace the usual ones.
async fn ask(gateway: &Gateway, browser: Option<&Browser>, more: &[(&str, &str)]) -> HttpReply {
    let mut headers = gateway.question("/x");
    headers.extend(browser.and_then(Browser::cookie_header).map(|cookies| (COOKIE, cookies)));
    for (name, value) in &fields(more) {
        headers.insert(name, value.clone());
    }
    gateway.ask(headers).await
}

/// Sends exactly these bytes from a loopback address. Returns the whole answer.
async fn raw(from: Ipv4Addr, to: SocketAddr, bytes: &[u8]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    // A peer that refuses early may close before all bytes are sent. Its answer is still read.
    let _sent = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _received = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
