//! Client authentication and redirect URIs of the documented client

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use rcgen::{CertificateParams, KeyPair};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use url::Url;

use super::{open_registered, open_with};
use crate::harness::{Realm, Registration, Reserved, Setup};

/// Configures the client of the realm for a key instead of a secret, with these attributes.
fn configure_key_client(realm: &mut Value, attributes: &[(&str, &str)]) {
    let client = &mut realm["clients"][0];
    client["clientAuthenticatorType"] = "client-jwt".into();
    client["secret"].take();
    client["attributes"]["token.endpoint.auth.signing.alg"] = "ES256".into();
    for (name, value) in attributes {
        client["attributes"][name] = (*value).into();
    }
}

/// Configures the gateway with the key instead of the secret.
fn configure_client_key(registration: &mut Registration, key: &KeyPair, more: &str) {
    let secret = "client_secret = \"foregate-secret\"";
    assert!(registration.provider.contains(secret));
    let key = key.serialize_pem();
    let key_lines =
        format!("client_authentication = \"private_key_jwt\"\nclient_key = \"\"\"\n{key}\"\"\"\n{more}");
    registration.provider = registration.provider.replace(secret, &key_lines);
}

/// Returns the public key as a key set (RFC 7517 §5).
fn key_set(key: &KeyPair, kid: &str) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.serialized_der()).unwrap();
    // The key is an uncompressed point: the byte 4, then x and y (SEC 1 §2.3.3).
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let part = |part: &[u8]| URL_SAFE_NO_PAD.encode_to_string(part);
    let key = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": part(x), "y": part(y),
    });
    json!({ "keys": [key] }).to_string()
}

async fn assert_sign_in_works(setup: &Setup<Realm>) {
    let client = setup.signed_in_client("alice").await;
    assert_eq!(client.get("/work", &[]).await.status, StatusCode::OK);
    assert_eq!(setup.requests_to("/work")[0].value("x-forwarded-user"), "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_key_with_registered_certificate_replaces_the_secret() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let certificate = STANDARD.encode_to_string(certificate.der());
    let change =
        |realm: &mut Value| configure_key_client(realm, &[("jwt.credential.certificate", &certificate)]);

    assert_sign_in_works(
        &open_registered(change, |registration| configure_client_key(registration, &key, "")).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_key_with_key_id_in_a_key_set_replaces_the_secret() {
    let key = KeyPair::generate().unwrap();
    let keys = key_set(&key, "foregate-1");
    let change = |realm: &mut Value| {
        configure_key_client(realm, &[("use.jwks.string", "true"), ("jwks.string", &keys)]);
    };
    let name = "client_key_id = \"foregate-1\"\n";

    assert_sign_in_works(
        &open_registered(change, |registration| configure_client_key(registration, &key, name)).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_client_secret_shows_an_error_page_and_is_logged() {
    let mut setup = open_with(|realm| realm["clients"][0]["secret"] = "another".into(), "").await;
    let mut client = setup.anonymous_client();

    let end = client.sign_in("alice", "alice").await;

    assert_eq!(end.status, StatusCode::FORBIDDEN, "{}", end.body);
    assert!(!client.has_session());
    let log = setup.gateway.wait_for_log("unauthorized_client").await;
    assert!(!log.contains("foregate-secret"), "{log}");
}

/// Sends an authentication request with `redirect_uri` and without PKCE. Returns Keycloak's status and `Location`.
async fn request_without_pkce(realm: &Realm, redirect_uri: &str) -> (StatusCode, Option<Url>) {
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
async fn documented_client_requires_pkce_and_the_exact_redirect_uri() {
    let reserved = Reserved::new();
    let realm = Realm::new(&reserved.origin, |_| {}).await;

    let (status, location) =
        request_without_pkce(&realm, &format!("{}/oauth2/callback", reserved.origin)).await;
    let location = location.expect("a redirect to the application with an error");
    assert_eq!((status, location.path()), (StatusCode::FOUND, "/oauth2/callback"));
    assert!(
        location.query_pairs().any(|pair| pair == ("error".into(), "invalid_request".into())),
        "{location}"
    );
    assert!(location.as_str().contains("code_challenge_method"), "{location}");

    for page in ["/", "/oauth2/callback/more", "/oauth2/callback?a=b"] {
        let answer = request_without_pkce(&realm, &format!("{}{page}", reserved.origin)).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, None), "{page}");
    }
}
