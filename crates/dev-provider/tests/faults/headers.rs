//! Faults of the header of an ID token and of the signing key

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA384,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64_simd::URL_SAFE_NO_PAD;
use dev_provider::{Fault, SigningAlgorithm};
use serde_json::{Value, json};

use crate::claims::fixture;
use crate::harness::{Fixture, part, text};

/// Each fault by name, with the header members that differ, and whether the published key signed.
const EXPECTED: [(&str, &[&str], bool); 34] = [
    ("alg-none", &["alg"], false),
    ("alg-none-mixed-case", &["alg"], false),
    ("alg-none-signed", &["alg"], true),
    ("alg-hs256-secret", &["alg"], false),
    ("alg-hs256-pem", &["alg"], false),
    ("alg-hs256-der", &["alg"], false),
    ("alg-hs256-modulus", &["alg"], false),
    ("alg-unknown", &["alg"], true),
    ("alg-lower-case", &["alg"], true),
    ("alg-missing", &["alg"], true),
    ("alg-number", &["alg"], true),
    ("alg-rs384", &["alg"], true),
    ("alg-ps384", &["alg"], true),
    ("alg-es256-zeros", &[], false),
    ("alg-es256-der", &[], false),
    ("kid-missing", &["kid"], true),
    ("kid-unknown", &["kid"], true),
    ("kid-other-type", &["kid"], true),
    ("kid-path", &["kid"], true),
    ("kid-sql", &["kid"], true),
    ("kid-long", &["kid"], true),
    ("kid-number", &["kid"], true),
    ("jwk-embedded", &["jwk", "kid"], false),
    ("jku", &["jku", "kid"], false),
    ("x5u", &["kid", "x5u"], false),
    ("x5c", &["kid", "x5c"], false),
    ("crit-unknown", &["crit", "x-unknown"], true),
    ("b64-false", &["b64", "crit"], true),
    ("typ-logout", &["typ"], true),
    ("typ-access", &["typ"], true),
    ("typ-missing", &["typ"], true),
    ("zip", &["zip"], true),
    ("header-alg-duplicated", &[], true),
    ("alg-hs512-secret", &["alg"], false),
];

#[tokio::test]
async fn each_header_fault_changes_its_members_and_no_other() {
    let fixture = fixture().await;
    let key = public_point(&fixture).await;
    let mut checked = Vec::new();
    for (name, members, genuine) in EXPECTED {
        let healthy = part(&token(&fixture).await, 0);
        fixture.provider.arm(name.parse().unwrap());
        let token = token(&fixture).await;
        let header = part(&token, 0);
        let mut names: Vec<&String> = healthy.keys().chain(header.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| healthy.get(*name) != header.get(*name));
        assert_eq!(names, members, "{name}");
        assert_eq!(verifies(&key, &token), genuine, "{name}");
        checked.push(name.parse().unwrap());
    }
    let all = Fault::all().into_iter().filter(|fault| matches!(fault, Fault::Header(_)));
    assert_eq!(all.collect::<Vec<_>>(), checked);
}

#[tokio::test]
async fn hs256_signature_uses_the_named_secret() {
    let fixture = fixture().await;
    let jwks = fixture.get("/jwks", &[]).await.json();
    let x = jwks.pointer("/keys/0/x").and_then(Value::as_str).unwrap().to_owned();
    let der = spki(&public_point(&fixture).await);
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64_simd::STANDARD
            .encode_to_string(&der)
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    );
    for (name, secret) in [
        ("alg-hs256-secret", b"foregate-secret".as_slice()),
        ("alg-hs256-pem", pem.as_bytes()),
        ("alg-hs256-der", &der),
        ("alg-hs256-modulus", x.as_bytes()),
    ] {
        fixture.provider.arm(name.parse().unwrap());
        let token = token(&fixture).await;
        assert_eq!(part(&token, 0).get("alg"), Some(&json!("HS256")));
        let (message, signature) = split(&token);
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes(), &signature).expect(name);
    }
}

#[tokio::test]
async fn hs512_signature_uses_the_client_secret() {
    let fixture = fixture().await;
    fixture.provider.arm("alg-hs512-secret".parse().unwrap());
    let token = token(&fixture).await;
    assert_eq!(part(&token, 0).get("alg"), Some(&json!("HS512")));
    let (message, signature) = split(&token);
    let key = hmac::Key::new(hmac::HMAC_SHA512, b"foregate-secret");
    hmac::verify(&key, message.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn es256_signature_faults_send_zeros_and_der() {
    let fixture = fixture().await;
    let point = public_point(&fixture).await;
    fixture.provider.arm("alg-es256-zeros".parse().unwrap());
    assert_eq!(split(&token(&fixture).await).1, [0; 64]);
    fixture.provider.arm("alg-es256-der".parse().unwrap());
    let token = token(&fixture).await;
    let (message, der) = split(&token);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point).verify(message.as_bytes(), &der).unwrap();
}

#[tokio::test]
async fn rs384_and_ps384_signatures_use_the_provider_key() {
    let fixture = Fixture::new().await;
    let jwks = fixture.get("/jwks", &[]).await.json();
    let number =
        |name: &str| URL_SAFE_NO_PAD.decode_to_vec(text(jwks.pointer("/keys/0").unwrap(), name)).unwrap();
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    for (name, algorithm) in
        [("alg-rs384", &RSA_PKCS1_2048_8192_SHA384), ("alg-ps384", &RSA_PSS_2048_8192_SHA384)]
    {
        fixture.provider.arm(name.parse().unwrap());
        let token = token(&fixture).await;
        let (message, signature) = split(&token);
        key.verify(algorithm, message.as_bytes(), &signature).expect(name);
    }
}

#[tokio::test]
async fn embedded_key_verifies_its_token() {
    let fixture = fixture().await;
    fixture.provider.arm("jwk-embedded".parse().unwrap());
    let token = token(&fixture).await;
    let header = part(&token, 0);
    let jwk = header.get("jwk").unwrap();
    assert_eq!(jwk.get("kid"), header.get("kid"));
    assert!(verifies(&point(jwk), &token));
}

#[tokio::test]
async fn kid_of_another_key_type_is_published() {
    let fixture = fixture().await;
    fixture.provider.sign_with(SigningAlgorithm::EdDsa).await.unwrap();
    fixture.provider.sign_with(SigningAlgorithm::Es256).await.unwrap();
    fixture.provider.arm("kid-other-type".parse().unwrap());
    let header = part(&token(&fixture).await, 0);
    let jwks = fixture.get("/jwks", &[]).await.json();
    let keys = jwks.get("keys").and_then(Value::as_array).unwrap();
    let named = keys.iter().find(|key| key.get("kid") == header.get("kid")).unwrap();
    assert_eq!((text(named, "kty"), header.get("alg").unwrap().as_str()), ("OKP", Some("ES256")));
}

#[tokio::test]
async fn duplicated_header_member_is_sent_twice() {
    let fixture = fixture().await;
    fixture.provider.arm("header-alg-duplicated".parse().unwrap());
    let header = crate::claims::raw(&fixture, 0).await;
    assert!(header.starts_with(br#"{"alg":"none","#));
}

pub(crate) async fn token(fixture: &Fixture) -> String {
    text(&fixture.tokens().await, "id_token").to_owned()
}

pub(crate) fn split(token: &str) -> (&str, Vec<u8>) {
    let (message, signature) = token.rsplit_once('.').unwrap();
    (message, URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap())
}

/// Returns the published P-256 key as a point (SEC 1 §2.3.3).
pub(crate) async fn public_point(fixture: &Fixture) -> Vec<u8> {
    point(fixture.get("/jwks", &[]).await.json().pointer("/keys/0").unwrap())
}

fn point(jwk: &Value) -> Vec<u8> {
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode_to_vec(text(jwk, name)).unwrap();
    [vec![4], coordinate("x"), coordinate("y")].concat()
}

/// Prepends the fixed prefix of every uncompressed P-256 key (RFC 5480 §2).
fn spki(point: &[u8]) -> Vec<u8> {
    let front = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    [front.as_slice(), point].concat()
}

pub(crate) fn verifies(point: &[u8], token: &str) -> bool {
    let (message, signature) = split(token);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &signature).is_ok()
}
