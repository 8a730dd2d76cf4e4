//! The pages that Hydra leaves to its operator: sign-in, consent and logout

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::response::{Html, Redirect};
use axum::routing::get;
use axum::{Router, serve};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The server of the pages. Hydra redirects browsers to them.
pub(crate) struct Pages(JoinHandle<()>);

impl Drop for Pages {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The kind of a request that Hydra hands over to the pages.
#[derive(Clone, Copy)]
enum Kind {
    Login,
    Consent,
    Logout,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
            Self::Logout => "logout",
        }
    }
}

#[derive(Deserialize)]
struct Challenge {
    #[serde(alias = "login_challenge", alias = "consent_challenge", alias = "logout_challenge")]
    challenge: String,
}

#[derive(Deserialize)]
struct Password {
    challenge: String,
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct Consent {
    challenge: String,
    answer: String,
}

/// Hydra's API for operators.
struct Admin {
    client: Client,
    address: SocketAddr,
}

impl Admin {
    fn url(&self, kind: Kind, path: &str, challenge: &str) -> String {
        let name = kind.name();
        let challenge: String = form_urlencoded::byte_serialize(challenge.as_bytes()).collect();
        format!(
            "http://{}/admin/oauth2/auth/requests/{name}{path}?{name}_challenge={challenge}",
            self.address
        )
    }

    /// Accepts or rejects a request. Redirects back to Hydra.
    async fn answer(&self, kind: Kind, path: &str, challenge: &str, body: Value) -> Redirect {
        let request = self.client.put(self.url(kind, path, challenge)).body(body.to_string());
        let reply = request.header("content-type", "application/json").send().await.unwrap();
        let reply: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
        Redirect::to(reply["redirect_to"].as_str().unwrap_or_else(|| panic!("{reply}")))
    }

    /// Returns the scopes that the client asked for.
    async fn requested_scopes(&self, challenge: &str) -> Value {
        let reply = self.client.get(self.url(Kind::Consent, "", challenge)).send().await.unwrap();
        let reply: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
        reply["requested_scope"].clone()
    }
}

impl Pages {
    /// Starts the pages on `listener`, for a Hydra with its API for operators at `address`.
    pub(crate) fn start(listener: TcpListener, address: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        let routes = Router::new()
            .route("/login", get(show_login).post(login))
            .route("/consent", get(show_consent).post(consent))
            .route("/logout", get(logout))
            .with_state(Arc::new(Admin { client, address }));
        Self(tokio::spawn(async move { serve(listener, routes).await.unwrap() }))
    }
}

async fn show_login(Query(Challenge { challenge }): Query<Challenge>) -> Html<String> {
    Html(format!(
        "<!doctype html><title>Sign in</title><form method=\"post\" action=\"/login\">
         <input type=\"hidden\" name=\"challenge\" value=\"{challenge}\"><input name=\"username\">
         <input name=\"password\" type=\"password\"><button>Sign in</button></form>"
    ))
}

async fn login(State(admin): State<Arc<Admin>>, Form(form): Form<Password>) -> Redirect {
    if form.username != form.password {
        let refused = json!({ "error": "access_denied", "error_description": "the password is wrong" });
        return admin.answer(Kind::Login, "/reject", &form.challenge, refused).await;
    }
    let accepted = json!({ "subject": form.username, "remember": true, "remember_for": 3600 });
    admin.answer(Kind::Login, "/accept", &form.challenge, accepted).await
}

async fn show_consent(Query(Challenge { challenge }): Query<Challenge>) -> Html<String> {
    Html(format!(
        "<!doctype html><title>Consent</title><form method=\"post\" action=\"/consent\">
         <input type=\"hidden\" name=\"challenge\" value=\"{challenge}\">
         <button name=\"answer\" value=\"allow\">Allow</button>
         <button name=\"answer\" value=\"deny\">Deny</button></form>"
    ))
}

async fn consent(State(admin): State<Arc<Admin>>, Form(form): Form<Consent>) -> Redirect {
    if form.answer != "allow" {
        let denied = json!({ "error": "access_denied", "error_description": "the user refused" });
        return admin.answer(Kind::Consent, "/reject", &form.challenge, denied).await;
    }
    let granted = json!({
        "grant_scope": admin.requested_scopes(&form.challenge).await,
        "session": { "id_token": {
            "preferred_username": "testuser", "groups": ["dev", "ops"],
            "email": "testuser@example.test", "email_verified": true,
        } },
    });
    admin.answer(Kind::Consent, "/accept", &form.challenge, granted).await
}

async fn logout(State(admin): State<Arc<Admin>>, Query(query): Query<Challenge>) -> Redirect {
    admin.answer(Kind::Logout, "/accept", &query.challenge, json!({})).await
}
