//! Changes of keys and algorithm while the provider runs

use aws_lc_rs::digest::{Digest, SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64_simd::URL_SAFE_NO_PAD;
use dev_provider::{Settings, SigningAlgorithm};
use serde_json::Value;

use crate::harness::{Fixture, part, text};

async fn published(fixture: &Fixture) -> Vec<String> {
    let keys = fixture.get("/jwks", &[]).await.json();
    keys.get("keys").unwrap().as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect()
}

async fn signer(fixture: &Fixture) -> (String, String) {
    let header = Value::Object(part(text(&fixture.tokens().await, "id_token"), 0));
    (text(&header, "alg").to_owned(), text(&header, "kid").to_owned())
}

#[tokio::test]
async fn new_key_signs_and_old_key_stays_published_until_removed() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let fixture = Fixture::with(settings).await;
    let tokens = fixture.tokens().await;
    let before = published(&fixture).await;
    fixture.provider.rotate_keys().await.unwrap();
    let both = published(&fixture).await;
    assert_eq!((both.len(), both.first()), (2, before.first()));
    assert_eq!(signer(&fixture).await, ("ES256".to_owned(), both.last().unwrap().clone()));
    fixture.provider.remove_old_keys();
    assert_eq!(published(&fixture).await, [both.last().unwrap().clone()]);
    assert_eq!(fixture.userinfo(text(&tokens, "access_token")).await.status, 200);
}

#[tokio::test]
async fn rotation_with_removal_leaves_no_old_key() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::EdDsa, ..Settings::default() };
    let fixture = Fixture::with(settings).await;
    let before = published(&fixture).await;
    fixture.provider.rotate_and_remove().await.unwrap();
    let after = published(&fixture).await;
    assert_eq!(after.len(), 1);
    assert_ne!(before, after);
    assert_eq!(Some(&signer(&fixture).await.1), after.first());
}

#[tokio::test]
async fn each_algorithm_signs_with_its_own_key_and_is_announced() {
    let fixture = Fixture::new().await;
    for algorithm in SigningAlgorithm::ALL {
        fixture.provider.sign_with(algorithm).await.unwrap();
        let tokens = fixture.tokens().await;
        let (token, header) = (text(&tokens, "id_token"), part(text(&tokens, "id_token"), 0));
        assert_eq!(header.get("alg").unwrap(), algorithm.name());
        let jwks = fixture.get("/jwks", &[]).await.json();
        let keys = jwks.get("keys").unwrap().as_array().unwrap();
        let key = keys.iter().find(|key| key.get("kid") == header.get("kid")).unwrap();
        assert_eq!(text(key, "alg"), algorithm.name());
        verify(algorithm, key, token);
        let (hash, half) = hash_of(algorithm, text(&tokens, "access_token"));
        let claims = Value::Object(part(token, 1));
        let (left, _) = hash.as_ref().split_at(half);
        assert_eq!(text(&claims, "at_hash"), URL_SAFE_NO_PAD.encode_to_string(left));
        assert_eq!(fixture.userinfo(text(&tokens, "access_token")).await.status, 200);
    }
    let mut kids = published(&fixture).await;
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), SigningAlgorithm::ALL.len());
    let metadata = fixture.get("/.well-known/openid-configuration", &[]).await.json();
    let announced = metadata.get("id_token_signing_alg_values_supported").unwrap().as_array().unwrap();
    let names: Vec<&str> = announced.iter().filter_map(Value::as_str).collect();
    assert_eq!(names.len(), SigningAlgorithm::ALL.len());
    assert!(SigningAlgorithm::ALL.iter().all(|algorithm| names.contains(&algorithm.name())));
}

/// Returns the hash that `at_hash` uses, and half its length (Core §3.1.3.6).
fn hash_of(algorithm: SigningAlgorithm, access_token: &str) -> (Digest, usize) {
    let (hash, half) = match algorithm.name() {
        "RS256" | "PS256" | "ES256" => (&SHA256, 16),
        "RS384" | "PS384" | "ES384" => (&SHA384, 24),
        _ => (&SHA512, 32),
    };
    (digest(hash, access_token.as_bytes()), half)
}

/// Verifies a token by the members of a JWK (RFC 7518 §3 and §6, RFC 8037 §2).
fn verify(algorithm: SigningAlgorithm, jwk: &Value, token: &str) {
    let (message, encoded) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode_to_vec(encoded).unwrap();
    let number = |name: &str| URL_SAFE_NO_PAD.decode_to_vec(text(jwk, name)).unwrap();
    let by_rsa = |parameters: &RsaParameters| {
        assert_eq!(text(jwk, "kty"), "RSA");
        let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
        key.verify(parameters, message.as_bytes(), &signature)
    };
    let by_ec = |curve: &str, parameters: &'static EcdsaVerificationAlgorithm| {
        assert_eq!((text(jwk, "kty"), text(jwk, "crv")), ("EC", curve));
        let point = [vec![4], number("x"), number("y")].concat();
        UnparsedPublicKey::new(parameters, point).verify(message.as_bytes(), &signature)
    };
    let verified = match algorithm {
        SigningAlgorithm::Rs256 => by_rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        SigningAlgorithm::Rs384 => by_rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        SigningAlgorithm::Rs512 => by_rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        SigningAlgorithm::Ps256 => by_rsa(&signature::RSA_PSS_2048_8192_SHA256),
        SigningAlgorithm::Ps384 => by_rsa(&signature::RSA_PSS_2048_8192_SHA384),
        SigningAlgorithm::Ps512 => by_rsa(&signature::RSA_PSS_2048_8192_SHA512),
        SigningAlgorithm::Es256 => by_ec("P-256", &signature::ECDSA_P256_SHA256_FIXED),
        SigningAlgorithm::Es384 => by_ec("P-384", &signature::ECDSA_P384_SHA384_FIXED),
        SigningAlgorithm::Es512 => by_ec("P-521", &signature::ECDSA_P521_SHA512_FIXED),
        SigningAlgorithm::EdDsa => {
            assert_eq!((text(jwk, "kty"), text(jwk, "crv")), ("OKP", "Ed25519"));
            UnparsedPublicKey::new(&signature::ED25519, number("x")).verify(message.as_bytes(), &signature)
        }
    };
    assert!(verified.is_ok(), "{}", algorithm.name());
}

#[tokio::test]
async fn a_withdrawn_key_never_signs_again() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let fixture = Fixture::with(settings).await;
    fixture.provider.sign_with(SigningAlgorithm::EdDsa).await.unwrap();
    fixture.provider.remove_old_keys();
    fixture.provider.sign_with(SigningAlgorithm::Es256).await.unwrap();
    let (algorithm, kid) = signer(&fixture).await;
    assert_eq!(algorithm, "ES256");
    assert!(published(&fixture).await.contains(&kid));
}
