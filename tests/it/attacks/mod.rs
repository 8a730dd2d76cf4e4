//! Do the advisories of others hold here? Each test carries the identifier of what happened to a peer;
//! `docs/attacks.md` has them all, with those that cannot happen here and why.

mod headers;
mod paths;
mod redirects;
mod sessions;

use reqwest::header::{COOKIE, HeaderName, HeaderValue};

use crate::harness::{Asked, Browser, DevProvider, Gateway, provider};

/// A provider, a gateway with `/open/` for everybody, and somebody who is signed in.
struct Scene {
    provider: DevProvider,
    gateway: Gateway,
    browser: Browser,
}

impl Scene {
    async fn new(user: &str, more: &[(&str, &str)]) -> Self {
        Self::at(provider().await, user, more).await
    }

    async fn at(provider: DevProvider, user: &str, more: &[(&str, &str)]) -> Self {
        let open = [("public_paths.open.paths", "/open/,/favicon.ico")];
        let gateway = Gateway::with(provider.issuer(), &[&open, more].concat()).await;
        let mut browser = Browser::new();
        let form = browser.open(&gateway.url("/oauth2/start")).await;
        browser.sign_in(&form, user, user).await;
        Self { provider, gateway, browser }
    }

    /// Asks the check with the session and these fields; `+name` adds a line to what the proxy sent.
    async fn ask(&self, fields: &[(&str, &str)]) -> Asked {
        self.ask_with(self.browser.cookie_header(), fields).await
    }

    /// The same for nobody.
    async fn ask_as_nobody(&self, fields: &[(&str, &str)]) -> Asked {
        self.ask_with(None, fields).await
    }

    async fn ask_with(&self, cookies: Option<HeaderValue>, fields: &[(&str, &str)]) -> Asked {
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
