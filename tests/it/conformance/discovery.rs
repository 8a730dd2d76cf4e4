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

/// Metadata and keys that break no rule, or whose unusable part is not needed.
const HARMLESS: [&str; 27] = [
    "discovery-text-plain",
    "discovery-userinfo-missing",
    "discovery-end-session-missing",
    "discovery-end-session-number",
    "discovery-revocation-missing",
    "discovery-revocation-number",
    "discovery-iss-flag-false",
    "discovery-iss-flag-missing",
    "discovery-iss-flag-text",
    "discovery-pkce-missing",
    "discovery-alg-none",
    "discovery-alg-missing",
    "discovery-alg-empty",
    "discovery-alg-number",
    "discovery-scopes-no-offline",
    "discovery-scopes-missing",
    "discovery-scopes-text",
    "discovery-unused-odd-types",
    "discovery-unused-null",
    "jwks-text-plain",
    "jwks-no-alg",
    "jwks-encryption-key",
    "jwks-twenty",
    "jwks-same-kid",
    "jwks-unknown-type",
    "jwks-symmetric",
    "jwks-not-objects",
];

impl Scene {
    /// Replaces the gateway by one that loads faulty metadata or keys, until the end of the next sign-in.
    async fn load_with(&mut self, fault: &str) {
        self.provider.hold(fault.parse().unwrap());
        self.gateway = Gateway::with(&self.provider, &[]).await;
        let state = self.gateway.readyz().await.1["provider"].clone();
        assert_eq!(state["state"], "ready", "{fault}: {state}");
    }

    /// Returns whether a sign-in with these faults begins a session.
    async fn signs_in(&self, faults: &[&str]) -> bool {
        self.sign_in(faults).await.browser.cookie("foregate").is_some()
    }
}

#[tokio::test]
async fn unusual_metadata_and_keys_do_not_prevent_a_sign_in() {
    let mut scene = Scene::new(&[]).await;
    for fault in HARMLESS {
        scene.load_with(fault).await;
        assert!(scene.signs_in(&[]).await, "{fault}");
    }
}

#[tokio::test]
async fn x16_row_14_missing_iss_is_accepted_only_if_metadata_does_not_announce_it() {
    let mut scene = Scene::new(&[]).await;
    for (fault, accepted) in [
        ("discovery-iss-flag-false", true),
        ("discovery-iss-flag-missing", true),
        ("discovery-iss-flag-text", false),
    ] {
        scene.load_with(fault).await;
        assert_eq!(scene.signs_in(&["authorization-iss-missing"]).await, accepted, "{fault}");
    }
}

/// At most eight keys are tried, and the key of the provider is the last of twenty.
#[tokio::test]
async fn c08_c09_keys_without_kid_verify_only_tokens_without_kid() {
    let mut scene = Scene::new(&[]).await;
    for (fault, accepted) in [("jwks-no-kid", true), ("jwks-twenty-no-kid", false)] {
        scene.load_with(fault).await;
        assert!(!scene.signs_in(&[]).await, "{fault}");
        scene.load_with(fault).await;
        assert_eq!(scene.signs_in(&["kid-missing"]).await, accepted, "{fault}");
    }
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
