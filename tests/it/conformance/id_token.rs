//! Accepted and refused ID tokens

use dev_provider::{Client, Settings, SigningAlgorithm};
use foregate::flow::ports::Clock;
use foregate::server::SystemClock;
use serde_json::json;

use super::{Scene, expect_acceptance, expect_refusal};
use crate::harness::{Answers, Browser, Forger, Gateway, Provider, SIGNS_WITH};

#[tokio::test]
async fn c01_authorization_and_token_request_have_required_parameters() {
    let scene = Scene::new(&[]).await;
    scene.expect_acceptance(&[]).await;
    let request = &scene.provider.authorization_requests()[0];
    let redirect_uri = scene.gateway.url("/oauth2/callback");
    assert_eq!((request["response_type"].as_str(), request["client_id"].as_str()), ("code", "foregate"));
    assert_eq!((request["code_challenge_method"].as_str(), request["code_challenge"].len()), ("S256", 43));
    assert_eq!(request["redirect_uri"], redirect_uri);
    assert!(request["scope"].split(' ').any(|scope| scope == "openid"));
    assert!(request["state"].len() >= 43 && request["nonce"].len() >= 43, "256 random bits each");
    let token = &scene.provider.token_requests()[0];
    assert_eq!(token.field("redirect_uri"), Some(&*redirect_uri));
    assert_eq!(token.field("grant_type"), Some("authorization_code"));
}

#[tokio::test]
async fn c02_x03_other_issuer_is_refused() {
    expect_refusal("iss-changed").await;
}

#[tokio::test]
async fn x12_missing_issuer_is_refused() {
    expect_refusal("iss-missing").await;
}

#[tokio::test]
async fn c03_missing_subject_is_refused() {
    expect_refusal("sub-missing").await;
}

#[tokio::test]
async fn c04_x04_other_audience_is_refused() {
    expect_refusal("aud-changed").await;
}

#[tokio::test]
async fn c05_x11_missing_audience_is_refused() {
    expect_refusal("aud-missing").await;
}

#[tokio::test]
async fn x05_additional_unknown_audience_is_refused() {
    expect_refusal("aud-unknown-second").await;
}

#[tokio::test]
async fn x08_audience_in_a_list_is_accepted() {
    expect_acceptance("aud-list").await;
}

#[tokio::test]
async fn c06_missing_iat_is_refused() {
    expect_refusal("iat-missing").await;
}

#[tokio::test]
async fn c07_x09_expired_id_token_is_refused() {
    expect_refusal("exp-past").await;
}

#[tokio::test]
async fn x10_missing_exp_is_refused() {
    expect_refusal("exp-missing").await;
}

#[tokio::test]
async fn c08_missing_kid_with_one_key_is_accepted() {
    expect_acceptance("kid-missing").await;
}

#[tokio::test]
async fn c09_missing_kid_tries_all_keys_of_the_type() {
    let scene = Scene::new(&[]).await;
    for _ in 0..3 {
        scene.provider.rotate_keys().await.unwrap();
    }
    // The gateway has loaded only the first key. It loads the others because of this token.
    scene.expect_acceptance(&["kid-missing"]).await;
}

#[tokio::test]
async fn c10_each_configured_signing_algorithm_is_accepted() {
    use SigningAlgorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    for algorithm in [Rs256, Ps256, Es256, Es384, EdDsa] {
        let settings = Settings { signing_algorithm: algorithm, ..Settings::default() };
        let provider = Provider::start(settings).await;
        let pinned = ("provider.signing_algorithms", algorithm.name());
        let gateway = Gateway::with(&provider, &[pinned]).await;
        Scene { provider, gateway }.expect_acceptance(&[]).await;
    }
}

#[tokio::test]
async fn algorithm_that_is_not_configured_is_refused() {
    for algorithm in [SigningAlgorithm::Ps256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let settings = Settings { signing_algorithm: algorithm, ..Settings::default() };
        let provider = Provider::start(settings).await;
        let gateway = Gateway::with(&provider, &[("provider.signing_algorithms", "RS256")]).await;
        Scene { provider, gateway }.expect_refusal(&[]).await;
    }
}

#[tokio::test]
async fn algorithm_that_the_provider_announces_is_accepted_without_a_setting() {
    for algorithm in SigningAlgorithm::ALL {
        let settings = Settings { signing_algorithm: algorithm, ..Settings::default() };
        let provider = Provider::start(settings).await;
        let gateway = Gateway::start(&provider).await;
        Scene { provider, gateway }.expect_acceptance(&[]).await;
    }
}

#[tokio::test]
async fn c11_x06_unsigned_id_token_is_refused() {
    expect_refusal("alg-none").await;
}

#[tokio::test]
async fn c12_wrong_rs256_signature_is_refused() {
    expect_refusal("signature-corrupted").await;
    expect_refusal("signature-by-stranger").await;
}

#[tokio::test]
async fn c13_wrong_es256_signature_is_refused() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let scene = Scene { provider, gateway };
    for fault in ["signature-corrupted", "signature-by-stranger", "alg-es256-zeros", "alg-es256-der"] {
        scene.expect_refusal(&[fault]).await;
    }
}

#[tokio::test]
async fn c14_hs256_is_refused_even_with_the_client_secret() {
    expect_refusal("alg-hs256-secret").await;
}

#[tokio::test]
async fn c15_userinfo_of_another_user_makes_no_session() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, ("provider.userinfo", "true")]).await;
    let other_user = ("application/json", json!({"sub": "1invalid"}).to_string());
    provider.answer(Answers { userinfo: other_user, ..Answers::default() });
    let mut browser = Browser::new();
    assert_eq!(browser.open(&gateway.url("/oauth2/start")).await.status, 403);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
}

#[tokio::test]
async fn c16_x13_other_nonce_is_refused() {
    expect_refusal("nonce-changed").await;
}

#[tokio::test]
async fn x14_missing_nonce_is_refused() {
    expect_refusal("nonce-missing").await;
}

#[tokio::test]
async fn c18_missing_claims_give_empty_headers() {
    let scene = Scene::new(&[]).await;
    let reply = scene.expect_acceptance(&["groups-missing", "email-missing"]).await;
    assert_eq!((reply.header("x-forwarded-group"), reply.header("x-forwarded-email")), (Some(""), Some("")));
}

#[tokio::test]
async fn c19_client_credentials_are_form_encoded_before_base64() {
    let (id, secret) = ("a:b%+ c/ü", "s:e%c+r e/ü");
    let mut settings = Settings::default();
    settings.clients[0] =
        Client { id: id.to_owned(), secret: Some(secret.to_owned()), ..settings.clients[0].clone() };
    let provider = Provider::start(settings).await;
    let client = [("provider.client_id", id), ("provider.client_secret", secret)];
    let gateway = Gateway::with(&provider, &client).await;
    let scene = Scene { provider, gateway };
    scene.expect_acceptance(&[]).await;
    let request = &scene.provider.token_requests()[0];
    assert!(request.authorization.as_ref().unwrap().starts_with("Basic "));
    assert_eq!(request.field("client_secret"), None);
}

#[tokio::test]
async fn c20_access_token_is_sent_to_userinfo_only_in_the_header() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, ("provider.userinfo", "true")]).await;
    provider.take_requested_paths();
    Browser::new().open(&gateway.url("/oauth2/start")).await;
    assert_eq!(provider.bearer().unwrap(), "Bearer at");
    assert_eq!(provider.take_requested_paths(), ["/authorize", "/token", "/userinfo"], "with no query");
}

#[tokio::test]
async fn c21_aggregated_and_distributed_claims_are_not_fetched() {
    for fault in ["claims-aggregated", "claims-distributed"] {
        let reply = expect_acceptance(fault).await;
        assert_eq!(reply.header("x-forwarded-group"), Some("dev,ops"), "{fault}");
    }
    let needs = [("policies.default.allowed_groups", "dev")];
    Scene::new(&needs).await.expect_refusal(&["groups-overage"]).await;
}

#[tokio::test]
async fn h03_wrong_at_hash_is_refused() {
    expect_refusal("at-hash-changed").await;
}

#[tokio::test]
async fn h04_missing_at_hash_is_accepted_with_a_code() {
    expect_acceptance("at-hash-missing").await;
}

#[tokio::test]
async fn row_22_clock_skew_is_accepted_up_to_the_leeway() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let now = i64::try_from(SystemClock.now().0).unwrap();
    for (claims, good) in [
        (json!({"iat": now + 55}), true),
        (json!({"nbf": now + 55}), true),
        (json!({"iat": now - 300, "exp": now + 60}), true),
        (json!({"iat": now + 120}), false),
        (json!({"nbf": now + 120}), false),
        (json!({"exp": now - 120}), false),
    ] {
        provider.answer(Answers { claims: claims.clone(), ..Answers::default() });
        let mut browser = Browser::new();
        browser.open(&gateway.url("/oauth2/start")).await;
        assert_eq!(browser.cookie("foregate").is_some(), good, "{claims}");
    }
}
