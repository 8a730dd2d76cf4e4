//! What does Keycloak want of the documented client, and does the gateway give it?

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use rcgen::{CertificateParams, KeyPair};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use url::Url;

use super::{open_with, registered};
use crate::harness::{Place, Realm, Registration, Stage};

/// The client in the realm knows no secret, but these attributes.
fn keyed(realm: &mut Value, attributes: &[(&str, &str)]) {
    let client = &mut realm["clients"][0];
    client["clientAuthenticatorType"] = "client-jwt".into();
    client["secret"].take();
    client["attributes"]["token.endpoint.auth.signing.alg"] = "ES256".into();
    for (name, value) in attributes {
        client["attributes"][name] = (*value).into();
    }
}

/// The gateway has the key in place of the secret.
fn told(registration: &mut Registration, key: &KeyPair, more: &str) {
    let secret = "client_secret = \"foregate-secret\"";
    assert!(registration.provider.contains(secret));
    let key = key.serialize_pem();
    let by_key =
        format!("client_authentication = \"private_key_jwt\"\nclient_key = \"\"\"\n{key}\"\"\"\n{more}");
    registration.provider = registration.provider.replace(secret, &by_key);
}

/// The public half as a key set (RFC 7517 §5).
fn key_set(key: &KeyPair, kid: &str) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.serialized_der()).unwrap();
    // An uncompressed point: the byte 4, then x and y (SEC 1 §2.3.3).
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let part = |part: &[u8]| URL_SAFE_NO_PAD.encode_to_string(part);
    let key = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": part(x), "y": part(y),
    });
    json!({ "keys": [key] }).to_string()
}

async fn one_sign_in(stage: &Stage<Realm>) {
    let caller = stage.caller("alice").await;
    assert_eq!(caller.get("/work", &[]).await.status, StatusCode::OK);
    assert_eq!(stage.arrived("/work")[0].one("x-forwarded-user"), "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_certificate_is_registered_takes_the_place_of_the_secret() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let certificate = STANDARD.encode_to_string(certificate.der());
    let change = |realm: &mut Value| keyed(realm, &[("jwt.credential.certificate", &certificate)]);

    one_sign_in(&registered(change, |registration| told(registration, &key, "")).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_name_in_a_registered_key_set_takes_the_place_of_the_secret() {
    let key = KeyPair::generate().unwrap();
    let keys = key_set(&key, "foregate-1");
    let change = |realm: &mut Value| keyed(realm, &[("use.jwks.string", "true"), ("jwks.string", &keys)]);
    let name = "client_key_id = \"foregate-1\"\n";

    one_sign_in(&registered(change, |registration| told(registration, &key, name)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_than_keycloaks_ends_on_a_page_and_in_the_log() {
    let mut stage = open_with(|realm| realm["clients"][0]["secret"] = "another".into(), "").await;
    let mut caller = stage.stranger();

    let end = caller.sign_in("alice", "alice").await;

    assert!(end.status.is_server_error(), "{}: {}", end.status, end.body);
    assert!(!caller.has_session());
    let log = stage.gateway.log_with("unauthorized_client").await;
    assert!(!log.contains("foregate-secret"), "{log}");
}

/// What Keycloak answers to an authentication request of ours with another `redirect_uri` and without PKCE: the status,
/// and where it sends the browser.
async fn asked(realm: &Realm, redirect_uri: &str) -> (StatusCode, Option<Url>) {
    let mut url = Url::parse(&format!("{}/protocol/openid-connect/auth", realm.issuer())).unwrap();
    url.query_pairs_mut().extend_pairs([
        ("client_id", "foregate"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s"),
        ("redirect_uri", redirect_uri),
    ]);
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    let location = answer.headers().get("location");
    (answer.status(), location.map(|location| Url::parse(location.to_str().unwrap()).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_client_gives_codes_to_one_page_and_to_nobody_without_pkce() {
    let place = Place::new();
    let realm = Realm::new(&place.origin, |_| {}).await;

    let (status, location) = asked(&realm, &format!("{}/oauth2/callback", place.origin)).await;
    let location = location.expect("back to the application, with an error");
    assert_eq!((status, location.path()), (StatusCode::FOUND, "/oauth2/callback"));
    assert!(
        location.query_pairs().any(|pair| pair == ("error".into(), "invalid_request".into())),
        "{location}"
    );
    assert!(location.as_str().contains("code_challenge_method"), "{location}");

    for page in ["/", "/oauth2/callback/more", "/oauth2/callback?a=b"] {
        let answer = asked(&realm, &format!("{}{page}", place.origin)).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, None), "{page}");
    }
}
