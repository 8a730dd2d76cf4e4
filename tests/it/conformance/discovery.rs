//! Endpoints and keys from the provider's metadata

use super::Scene;
use crate::harness::{Browser, Gateway, provider};

#[tokio::test]
async fn d01_d02_endpoints_and_keys_come_from_the_metadata() {
    let scene = Scene::new(&[]).await;
    scene.expect_acceptance(&[]).await;
    let observed = scene.provider.observed();
    assert!(observed.discovery > 0 && observed.jwks > 0 && observed.authorization > 0);
}

#[tokio::test]
async fn d03_other_issuer_in_metadata_causes_no_authorization_request() {
    let provider = provider().await;
    let wrong = format!("{}/INVALID", provider.issuer());
    let backchannel = provider.issuer().to_owned();
    let gateway = Gateway::with(&*wrong, &[("provider.backchannel_url", &backchannel)]).await;
    let detail = gateway.readyz().await.1["provider"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&wrong) && detail.contains(provider.issuer()), "{detail}");
    assert_eq!(Browser::new().go(&gateway.url("/oauth2/start")).await.status, 403);
    assert_eq!(provider.observed().authorization, 0);
}

#[tokio::test]
async fn d04_keys_replaced_just_before_the_first_signature_are_found() {
    let scene = Scene::new(&[]).await;
    let before = scene.provider.observed().jwks;
    scene.expect_acceptance(&["keys-rotated-before-signing"]).await;
    assert_eq!(scene.provider.observed().jwks, before + 1);
}

#[tokio::test]
async fn d05_keys_replaced_between_two_sign_ins_are_found() {
    let scene = Scene::new(&[]).await;
    scene.expect_acceptance(&[]).await;
    scene.provider.rotate_and_remove().await.unwrap();
    scene.expect_acceptance(&[]).await;
}

#[tokio::test]
async fn row_20_many_unknown_key_ids_cause_one_key_request() {
    let scene = Scene::new(&[]).await;
    let before = scene.provider.observed().jwks;
    for _ in 0..10 {
        scene.expect_refusal(&["kid-unknown"]).await;
    }
    assert_eq!(scene.provider.observed().jwks, before + 1);
}
