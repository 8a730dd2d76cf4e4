//! A provider that signs any token that a test specifies, and signs in without interaction

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64_simd::URL_SAFE_NO_PAD;
use foregate::flow::ports::Clock;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::TestClock;

/// The content of the next answers. Members of the objects replace the usual ones, and `null` removes a member.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) token: Value,
    pub(crate) userinfo: (&'static str, String),
}

impl Default for Answers {
    fn default() -> Self {
        let userinfo = ("application/json", json!({"sub": "1"}).to_string());
        Self { header: json!({}), claims: json!({}), token: json!({}), userinfo }
    }
}

struct Inside {
    issuer: String,
    clock: TestClock,
    key: EcdsaKeyPair,
    nonce: Mutex<String>,
    answers: Mutex<Answers>,
    paths: Mutex<Vec<String>>,
    bearer: Mutex<Option<String>>,
    /// Each token request takes one permit.
    tokens: Semaphore,
}

pub(crate) struct Forger(Arc<Inside>);

/// The setting with which the gateway accepts its signatures.
pub(crate) const SIGNS_WITH: (&str, &str) = ("provider.signing_algorithms", "ES256");

impl Forger {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = Arc::new(Inside {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            clock: TestClock::new(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            nonce: Mutex::default(),
            answers: Mutex::default(),
            paths: Mutex::default(),
            bearer: Mutex::default(),
            tokens: Semaphore::new(Semaphore::MAX_PERMITS / 2),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .layer(from_fn_with_state(Arc::clone(&inside), record_path))
            .with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self(inside)
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub(crate) fn clock(&self) -> &TestClock {
        &self.0.clock
    }

    pub(crate) fn answer(&self, answers: Answers) {
        *self.0.answers.lock().unwrap() = answers;
    }

    /// Returns the paths that were requested since the last call, and forgets them.
    pub(crate) fn take_requested_paths(&self) -> Vec<String> {
        std::mem::take(&mut self.0.paths.lock().unwrap())
    }

    /// Holds the next token requests until [`Self::release_token_request`].
    pub(crate) fn hold_tokens(&self) {
        self.0.tokens.forget_permits(usize::MAX);
    }

    pub(crate) fn release_token_request(&self) {
        self.0.tokens.add_permits(1);
    }

    /// Returns the `Authorization` header of the last userinfo request.
    pub(crate) fn bearer(&self) -> Option<String> {
        self.0.bearer.lock().unwrap().clone()
    }
}

type Shared = State<Arc<Inside>>;

async fn record_path(State(inside): Shared, request: Request, next: Next) -> Response {
    inside.paths.lock().unwrap().push(request.uri().path().to_owned());
    next.run(request).await
}

async fn metadata(State(inside): Shared) -> String {
    let at = |path: &str| format!("{}{path}", inside.issuer);
    json!({
        "issuer": inside.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "userinfo_endpoint": at("/userinfo"),
    })
    .to_string()
}

async fn keys(State(inside): Shared) -> String {
    let point = inside.key.public_key().as_ref();
    let (x, y) = (text(&point[1..33]), text(&point[33..]));
    json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "x": x, "y": y}]}).to_string()
}

async fn authorize(State(inside): Shared, Query(parameters): Query<Map<String, Value>>) -> Redirect {
    let get = |name: &str| parameters[name].as_str().unwrap().to_owned();
    *inside.nonce.lock().unwrap() = get("nonce");
    Redirect::to(&format!("{}?code=c&state={}", get("redirect_uri"), get("state")))
}

async fn token(State(inside): Shared) -> Response {
    inside.tokens.acquire().await.unwrap().forget();
    let answers = inside.answers.lock().unwrap().clone();
    let now = inside.clock.now().0;
    let claims = json!({
        "iss": inside.issuer, "sub": "1", "aud": "foregate", "exp": now + 300, "iat": now,
        "nonce": *inside.nonce.lock().unwrap(), "preferred_username": "alice",
    });
    let header = with(&json!({"alg": "ES256", "kid": "k", "typ": "JWT"}), &answers.header);
    let signed = format!("{}.{}", text(header.to_string()), text(with(&claims, &answers.claims).to_string()));
    let signature = inside.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let id_token = format!("{signed}.{}", text(signature.as_ref()));
    let usual =
        json!({"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": id_token});
    ([("content-type", "application/json")], with(&usual, &answers.token).to_string()).into_response()
}

async fn userinfo(State(inside): Shared, headers: HeaderMap) -> Response {
    let bearer = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    *inside.bearer.lock().unwrap() = bearer;
    let (kind, body) = inside.answers.lock().unwrap().userinfo.clone();
    ([("content-type", kind)], body).into_response()
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

fn with(object: &Value, change: &Value) -> Value {
    let mut object = object.as_object().unwrap().clone();
    for (name, value) in change.as_object().unwrap() {
        object.insert(name.clone(), value.clone());
    }
    object.retain(|_, value| !value.is_null());
    Value::Object(object)
}
