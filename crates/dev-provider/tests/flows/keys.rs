//! Changes of keys and algorithm while the provider runs

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
    use SigningAlgorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    let fixture = Fixture::new().await;
    for algorithm in [Ps256, Es256, Es384, EdDsa, Rs256] {
        fixture.provider.sign_with(algorithm).await.unwrap();
        assert_eq!(signer(&fixture).await.0, algorithm.name());
        let claims = Value::Object(part(text(&fixture.tokens().await, "id_token"), 1));
        // The length of half a hash in base64url: SHA-384 for ES384, SHA-512 for EdDSA, else SHA-256 (Core §3.1.3.6).
        let length = match algorithm {
            Es384 => 32,
            EdDsa => 43,
            _ => 22,
        };
        assert_eq!(text(&claims, "at_hash").len(), length);
    }
    let mut kids = published(&fixture).await;
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), 5);
    let metadata = fixture.get("/.well-known/openid-configuration", &[]).await.json();
    let announced = metadata.get("id_token_signing_alg_values_supported").unwrap().as_array().unwrap();
    assert_eq!(announced.len(), 5);
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
