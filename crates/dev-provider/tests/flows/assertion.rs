//! Client assertions (RFC 7523 §3)

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use dev_provider::{Client, Settings, SigningAlgorithm};
use serde_json::{Value, json};

use crate::harness::{Fixture, code_form, text};
use crate::http::Reply;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A fixture with a client whose only credential is this key, and the key.
struct Scene {
    fixture: Fixture,
    key: EcdsaKeyPair,
}

impl Scene {
    async fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { fixture: fixture(jwk(&key)).await, key }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", b64(signature))
    }

    /// Signs valid claims, with one claim replaced, or left out if the value is null.
    fn assertion(&self, name: &str, value: Value) -> String {
        let mut claims = claims(&self.fixture);
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims.as_object_mut().unwrap().insert(name.to_owned(), value);
        }
        self.sign(&json!({ "alg": "ES256" }), &claims)
    }
}

#[tokio::test]
async fn assertion_with_each_algorithm_and_key_format_is_accepted() {
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // RFC 8017 appendix A.1.1: a prefix of nine bytes, the modulus, and 65537.
    let modulus = rsa.public_key().as_ref().get(9..265).unwrap();
    let rsa_jwk = json!({ "kty": "RSA", "n": b64(modulus), "e": "AQAB" }).to_string();
    let ec_der: PublicKeyX509Der<'_> = ec.public_key().as_der().unwrap();
    let rsa_der: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    for (alg, key) in [
        ("ES256", jwk(&ec)),
        ("ES256", pem(ec_der.as_ref())),
        ("RS256", rsa_jwk.clone()),
        ("PS256", rsa_jwk),
        ("RS256", pem(rsa_der.as_ref())),
    ] {
        let fixture = fixture(key).await;
        let message = message(&json!({ "alg": alg, "kid": "any" }), &claims(&fixture));
        let mut signature = vec![0; 256];
        let random = SystemRandom::new();
        match alg {
            "RS256" => rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap(),
            "PS256" => rsa.sign(&RSA_PSS_SHA256, &random, message.as_bytes(), &mut signature).unwrap(),
            _ => signature = ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
        }
        let reply = redeem(&fixture, &format!("{message}.{}", b64(signature))).await;
        assert_eq!(reply.status, 200, "{alg}: {}", reply.body);
    }
}

#[tokio::test]
async fn assertion_audience_is_issuer_or_token_endpoint_as_a_string() {
    let scene = Scene::new().await;
    let issuer = scene.fixture.provider.issuer().to_owned();
    for (audience, status) in [
        (json!(issuer), 200),
        (json!(format!("{issuer}/token")), 200),
        (json!([issuer]), 401),
        (json!(format!("{issuer}/")), 401),
        (json!("https://other.example"), 401),
        (Value::Null, 401),
    ] {
        let assertion = scene.assertion("aud", audience.clone());
        assert_eq!(redeem(&scene.fixture, &assertion).await.status, status, "{audience}");
    }
}

#[tokio::test]
async fn assertion_with_a_wrong_or_missing_claim_is_refused() {
    let scene = Scene::new().await;
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("sub", json!("foregate")),
        ("sub", Value::Null),
        ("exp", json!(now() - 1)),
        ("exp", json!(now() + 120)),
        ("exp", json!((now() + 30).to_string())),
        ("exp", Value::Null),
        ("jti", json!("")),
        ("jti", Value::Null),
    ] {
        let reply = redeem(&scene.fixture, &scene.assertion(name, value.clone())).await;
        assert_eq!((reply.status, text(&reply.json(), "error")), (401, "invalid_client"), "{name} {value}");
    }
}

#[tokio::test]
async fn assertion_with_a_wrong_algorithm_or_signature_is_refused() {
    let scene = Scene::new().await;
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "ES256", "crit": ["x"], "x": 1 }),
        json!({}),
    ] {
        let assertion = scene.sign(&header, &claims(&scene.fixture));
        assert_eq!(redeem(&scene.fixture, &assertion).await.status, 401, "{header}");
    }
    let other = Scene::new().await;
    let forged = other.sign(&json!({ "alg": "ES256" }), &claims(&scene.fixture));
    assert_eq!(redeem(&scene.fixture, &forged).await.status, 401);
    assert_eq!(redeem(&scene.fixture, &scene.assertion("extra", json!(1))).await.status, 200);
}

#[tokio::test]
async fn assertion_is_accepted_once() {
    let scene = Scene::new().await;
    let assertion = scene.assertion("extra", json!(1));
    assert_eq!(redeem(&scene.fixture, &assertion).await.status, 200);
    assert_eq!(redeem(&scene.fixture, &assertion).await.status, 401);
    assert_eq!(redeem(&scene.fixture, &scene.assertion("extra", json!(1))).await.status, 200);
}

#[tokio::test]
async fn client_with_a_key_is_not_public_and_uses_one_auth_method() {
    let scene = Scene::new().await;
    let code = code(&scene.fixture).await;
    let named = [code_form(&code).as_slice(), &[("client_id", "keyed")]].concat();
    assert_eq!(scene.fixture.post("/token", &[], &named).await.status, 401);
    let assertion = scene.assertion("extra", json!(1));
    let both = [named.as_slice(), &[("client_secret", "x"), ("client_assertion", &assertion)]].concat();
    assert_eq!(scene.fixture.post("/token", &[], &both).await.status, 400);
    let untyped = [named.as_slice(), &[("client_assertion", &assertion)]].concat();
    assert_eq!(scene.fixture.post("/token", &[], &untyped).await.status, 400);
    let metadata = scene.fixture.get("/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(
        metadata.get("token_endpoint_auth_signing_alg_values_supported"),
        Some(&json!(["RS256", "PS256", "ES256"]))
    );
    assert!(
        metadata
            .get("token_endpoint_auth_methods_supported")
            .unwrap()
            .to_string()
            .contains("private_key_jwt")
    );
}

async fn fixture(key: String) -> Fixture {
    let mut settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let template = settings.clients.first().unwrap().clone();
    settings.clients.push(Client {
        id: "keyed".to_owned(),
        secret: None,
        assertion_key: Some(key),
        ..template
    });
    Fixture::with(settings).await
}

async fn code(fixture: &Fixture) -> String {
    let page = fixture.authorize(&[("client_id", "keyed")]).await;
    match page.sent_back("code") {
        Some(code) => code,
        None => fixture.submit(&page, "testuser", "testuser").await.sent_back("code").unwrap(),
    }
}

async fn redeem(fixture: &Fixture, assertion: &str) -> Reply {
    let code = code(fixture).await;
    let proof = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
    fixture.post("/token", &[], &[code_form(&code).as_slice(), &proof].concat()).await
}

fn claims(fixture: &Fixture) -> Value {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    let (issuer, exp) = (fixture.provider.issuer(), now() + 60);
    json!({ "iss": "keyed", "sub": "keyed", "aud": issuer, "exp": exp, "jti": b64(random) })
}

#[expect(clippy::disallowed_methods, reason = "the provider reads the same clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", b64(header.to_string()), b64(claims.to_string()))
}

fn jwk(key: &EcdsaKeyPair) -> String {
    let (x, y) = key.public_key().as_ref().split_at(33);
    json!({ "kty": "EC", "crv": "P-256", "x": b64(x.strip_prefix(&[4]).unwrap()), "y": b64(y) }).to_string()
}

fn pem(spki: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode_to_string(spki))
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
