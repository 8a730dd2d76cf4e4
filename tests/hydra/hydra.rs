//! A Hydra process with its database in memory

use std::net::SocketAddr;
use std::process::Command;

use http::Method;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Program, TestClient, free_addresses, panic_missing, repository};
use crate::pages::Pages;
use crate::site::{Page, Place, Provider, start_provider};

pub(crate) struct Hydra {
    issuer: String,
    admin: SocketAddr,
    client: Client,
    _program: Program,
    _pages: Pages,
}

impl Hydra {
    /// Starts Hydra with a client for the application at the origin of `place`. Tokens are valid for `lifetime`
    /// seconds.
    pub(crate) async fn start(place: &Place, lifetime: u64) -> Self {
        let [public, admin] = free_addresses();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = configuration(public, admin, listener.local_addr().unwrap(), lifetime);
        let config = place.scratch.write("hydra.json", &config.to_string());
        let program = repository().join("target/test-tools/providers/hydra");
        let mut command = Command::new(if program.is_file() { program } else { panic_missing("hydra") });
        command.args(["serve", "all", "--dev", "--sqa-opt-out", "--config"]).arg(config);
        let issuer = format!("http://{public}");
        let program = start_provider("hydra", &mut command, &issuer, &place.scratch).await;
        let client = Client::builder().no_proxy().build().unwrap();
        let pages = Pages::start(listener, admin);
        let hydra = Self { issuer, admin, client, _program: program, _pages: pages };
        hydra.call(Method::POST, "clients", Some(registration(&place.origin))).await;
        hydra
    }

    /// Ends the session `sid` at Hydra, as an operator does. Hydra then sends a logout token.
    pub(crate) async fn end_session(&self, sid: &str) {
        self.call(Method::DELETE, &format!("oauth2/auth/sessions/login?sid={sid}"), None).await;
    }

    /// Submits the sign-in page. Returns the page that asks for consent.
    pub(crate) async fn submit_password(&self, client: &mut TestClient, page: &Page) -> Page {
        let page = client.submit_form(page, &[("username", "testuser"), ("password", "testuser")]).await;
        assert!(page.1.body.contains("name=\"answer\""), "no consent page at {}: {}", page.0, page.1.body);
        page
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) {
        let mut request = self.client.request(method.clone(), format!("http://{}/admin/{path}", self.admin));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let reply = request.send().await.unwrap();
        let (status, text) = (reply.status(), reply.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status}: {text}");
    }
}

impl Provider for Hydra {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign_in(&self, client: &mut TestClient, page: Page) -> Page {
        let consent = self.submit_password(client, &page).await;
        client.submit_form(&consent, &[("answer", "allow")]).await
    }
}

fn configuration(public: SocketAddr, admin: SocketAddr, pages: SocketAddr, lifetime: u64) -> Value {
    let lifetime = format!("{lifetime}s");
    json!({
        "dsn": "memory",
        "log": { "level": "warn" },
        "serve": {
            "public": { "host": "127.0.0.1", "port": public.port() },
            "admin": { "host": "127.0.0.1", "port": admin.port() },
        },
        "urls": {
            "self": { "issuer": format!("http://{public}") },
            "login": format!("http://{pages}/login"),
            "consent": format!("http://{pages}/consent"),
            "logout": format!("http://{pages}/logout"),
        },
        "secrets": { "system": ["only-for-one-test-of-the-gateway"] },
        "ttl": { "access_token": lifetime, "id_token": lifetime, "refresh_token": "1h" },
        "oauth2": { "pkce": { "enforced": true } },
    })
}

fn registration(origin: &str) -> Value {
    json!({
        "client_id": "foregate",
        "client_secret": "foregate-secret",
        "redirect_uris": [format!("{origin}/oauth2/callback")],
        "post_logout_redirect_uris": [format!("{origin}/oauth2/signed_out")],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile email offline_access",
        "token_endpoint_auth_method": "client_secret_basic",
        "backchannel_logout_uri": format!("{origin}/oauth2/backchannel-logout"),
        "backchannel_logout_session_required": true,
    })
}
