//! Fixture for sign-ins and token requests

use std::cell::RefCell;

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use dev_provider::{DevProvider, Settings, start};
use form_urlencoded::Serializer;
use serde_json::{Map, Value};

use crate::http::{Reply, send};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/oauth2/callback";
pub(crate) const VERIFIER: &str = "a-verifier-of-no-less-than-forty-three-characters";
pub(crate) const BASIC: &str = "Basic Zm9yZWdhdGU6Zm9yZWdhdGUtc2VjcmV0";

/// A provider, and the cookie of one browser for it.
pub(crate) struct Fixture {
    pub(crate) provider: DevProvider,
    pub(crate) cookie: RefCell<Option<String>>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self { provider: start(settings).await.unwrap(), cookie: RefCell::default() }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        send(self.provider.address(), &format!("GET {path}"), headers, "").await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        send(self.provider.address(), &format!("POST {path}"), &headers, &encode(form)).await
    }

    /// Sends an authorization request of this browser, with these parameters changed or added. An empty value leaves
    /// the parameter out.
    pub(crate) async fn authorize(&self, changes: &[(&str, &str)]) -> Reply {
        let cookie = self.cookie.borrow().clone().unwrap_or_default();
        self.get(&format!("/authorize?{}", encode(&request(changes))), &[("cookie", &cookie)]).await
    }

    /// Posts the form of a sign-in page, and stores the cookie.
    pub(crate) async fn submit(&self, page: &Reply, username: &str, password: &str) -> Reply {
        let pending = page.body.split(r#"name="request" value=""#).nth(1).unwrap().split('"').next().unwrap();
        let cookie = self.cookie.borrow().clone().unwrap_or_default();
        let form = [("request", pending), ("username", username), ("password", password)];
        let reply = self.post("/login", &[("cookie", &cookie)], &form).await;
        if let Some(set) = reply.header("set-cookie") {
            *self.cookie.borrow_mut() = set.split(';').next().map(str::to_owned);
        }
        reply
    }

    /// Returns a code for `testuser`. Only the first call submits the password.
    pub(crate) async fn code(&self) -> String {
        let page = self.authorize(&[]).await;
        if let Some(code) = page.sent_back("code") {
            return code;
        }
        let reply = self.submit(&page, "testuser", "testuser").await;
        reply.sent_back("code").unwrap()
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Reply {
        self.post("/token", &[("authorization", BASIC)], form).await
    }

    pub(crate) async fn redeem(&self, code: &str) -> Reply {
        self.token(&code_form(code)).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Reply {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// Returns the tokens of a new code.
    pub(crate) async fn tokens(&self) -> Value {
        let reply = self.redeem(&self.code().await).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Reply {
        self.get("/userinfo", &[("authorization", &format!("Bearer {access_token}"))]).await
    }
}

pub(crate) fn code_form(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, VERIFIER.as_bytes()))
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode_to_string(format!("{}:{}", encode(id), encode(secret))))
}

/// Returns a segment of a compact JWS, as JSON.
pub(crate) fn part(token: &str, index: usize) -> Map<String, Value> {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap()
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap()
}

fn request(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let challenge = challenge();
    let usual = [
        ("client_id", "foregate"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "a state & more"),
        ("nonce", "the-nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(altered, _)| altered == name));
    let altered = changes.iter().copied().filter(|(_, value)| !value.is_empty());
    kept.chain(altered).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(crate) fn encode<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}
