//! Which ID tokens are believed?

use dev_provider::{Client, Settings, SigningAlgorithm};
use foregate::flow::ports::Clock;
use foregate::server::SystemClock;
use serde_json::json;

use super::{Scene, accepted, refused};
use crate::harness::{Answers, Browser, Forger, Gateway, Provider, SIGNS_WITH};

#[tokio::test]
async fn c01_a_sign_in_asks_as_it_must() {
    let scene = Scene::new(&[]).await;
    scene.accepts(&[]).await;
    let asked = &scene.provider.authorization_requests()[0];
    let redirect_uri = scene.gateway.url("/oauth2/callback");
    assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", "foregate"));
    assert_eq!((asked["code_challenge_method"].as_str(), asked["code_challenge"].len()), ("S256", 43));
    assert_eq!(asked["redirect_uri"], redirect_uri);
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43, "256 random bits each");
    let token = &scene.provider.token_requests()[0];
    assert_eq!(token.field("redirect_uri"), Some(&*redirect_uri));
    assert_eq!(token.field("grant_type"), Some("authorization_code"));
}

#[tokio::test]
async fn c02_x03_an_issuer_with_another_text_is_refused() {
    refused("iss-changed").await;
}

#[tokio::test]
async fn x12_no_issuer_is_refused() {
    refused("iss-missing").await;
}

#[tokio::test]
async fn c03_no_subject_is_refused() {
    refused("sub-missing").await;
}

#[tokio::test]
async fn c04_x04_an_audience_with_another_text_is_refused() {
    refused("aud-changed").await;
}

#[tokio::test]
async fn c05_x11_no_audience_is_refused() {
    refused("aud-missing").await;
}

#[tokio::test]
async fn x05_an_unknown_audience_beside_ours_is_refused() {
    refused("aud-unknown-second").await;
}

#[tokio::test]
async fn x08_an_audience_in_a_list_is_accepted() {
    accepted("aud-list").await;
}

#[tokio::test]
async fn c06_no_time_of_issue_is_refused() {
    refused("iat-missing").await;
}

#[tokio::test]
async fn c07_x09_a_token_that_has_expired_is_refused() {
    refused("exp-past").await;
}

#[tokio::test]
async fn x10_no_expiry_is_refused() {
    refused("exp-missing").await;
}

#[tokio::test]
async fn c08_without_kid_the_one_key_is_used() {
    accepted("kid-missing").await;
}

#[tokio::test]
async fn c09_without_kid_all_keys_of_the_kind_are_tried() {
    let scene = Scene::new(&[]).await;
    for _ in 0..3 {
        scene.provider.rotate_keys().await.unwrap();
    }
    // The gateway has seen the first key alone, and looks for the others because of this token.
    scene.accepts(&["kid-missing"]).await;
}

#[tokio::test]
async fn c10_rs256_is_accepted_and_the_others_where_they_are_configured() {
    use SigningAlgorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    for algorithm in [Rs256, Ps256, Es256, Es384, EdDsa] {
        let settings = Settings { signing_algorithm: algorithm, ..Settings::default() };
        let provider = Provider::start(settings).await;
        let pinned = ("provider.signing_algorithms", algorithm.name());
        let gateway = Gateway::with(&provider, &[pinned]).await;
        Scene { provider, gateway }.accepts(&[]).await;
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused() {
    for algorithm in [SigningAlgorithm::Ps256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let settings = Settings { signing_algorithm: algorithm, ..Settings::default() };
        let provider = Provider::start(settings).await;
        let gateway = Gateway::start(&provider).await;
        Scene { provider, gateway }.refuses(&[]).await;
    }
}

#[tokio::test]
async fn c11_x06_no_signature_at_all_is_refused() {
    refused("alg-none").await;
}

#[tokio::test]
async fn c12_a_wrong_rs256_signature_is_refused() {
    refused("signature-corrupted").await;
    refused("signature-by-stranger").await;
}

#[tokio::test]
async fn c13_a_wrong_es256_signature_is_refused() {
    let settings = Settings { signing_algorithm: SigningAlgorithm::Es256, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let scene = Scene { provider, gateway };
    for fault in ["signature-corrupted", "signature-by-stranger", "alg-es256-zeros", "alg-es256-der"] {
        scene.refuses(&[fault]).await;
    }
}

#[tokio::test]
async fn c14_hs256_is_refused_even_with_the_client_secret() {
    refused("alg-hs256-secret").await;
}

#[tokio::test]
async fn c15_userinfo_of_somebody_else_makes_no_session() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, ("provider.userinfo", "true")]).await;
    let else_ = ("application/json", json!({"sub": "1invalid"}).to_string());
    provider.answer(Answers { userinfo: else_, ..Answers::default() });
    let mut browser = Browser::new();
    assert_eq!(browser.open(&gateway.url("/oauth2/start")).await.status, 403);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
}

#[tokio::test]
async fn c16_x13_another_nonce_is_refused() {
    refused("nonce-changed").await;
}

#[tokio::test]
async fn x14_no_nonce_is_refused() {
    refused("nonce-missing").await;
}

#[tokio::test]
async fn c18_absent_claims_are_absent() {
    let scene = Scene::new(&[]).await;
    let asked = scene.accepts(&["groups-missing", "email-missing"]).await;
    assert_eq!((asked.header("x-forwarded-group"), asked.header("x-forwarded-email")), (Some(""), Some("")));
}

#[tokio::test]
async fn c19_the_client_is_form_encoded_before_it_is_base64() {
    let (id, secret) = ("a:b%+ c/ü", "s:e%c+r e/ü");
    let mut settings = Settings::default();
    settings.clients[0] =
        Client { id: id.to_owned(), secret: Some(secret.to_owned()), ..settings.clients[0].clone() };
    let provider = Provider::start(settings).await;
    let client = [("provider.client_id", id), ("provider.client_secret", secret)];
    let gateway = Gateway::with(&provider, &client).await;
    let scene = Scene { provider, gateway };
    scene.accepts(&[]).await;
    let request = &scene.provider.token_requests()[0];
    assert!(request.authorization.as_ref().unwrap().starts_with("Basic "));
    assert_eq!(request.field("client_secret"), None);
}

#[tokio::test]
async fn c20_the_access_token_goes_to_userinfo_in_the_header_alone() {
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH, ("provider.userinfo", "true")]).await;
    provider.asked();
    Browser::new().open(&gateway.url("/oauth2/start")).await;
    assert_eq!(provider.bearer().unwrap(), "Bearer at");
    assert_eq!(provider.asked(), ["/authorize", "/token", "/userinfo"], "with no query");
}

#[tokio::test]
async fn c21_claims_that_are_elsewhere_are_not_fetched_and_harm_nothing() {
    for fault in ["claims-aggregated", "claims-distributed"] {
        let asked = accepted(fault).await;
        assert_eq!(asked.header("x-forwarded-group"), Some("dev,ops"), "{fault}");
    }
    let needs = [("policies.default.allowed_groups", "dev")];
    Scene::new(&needs).await.refuses(&["groups-overage"]).await;
}

#[tokio::test]
async fn h03_a_wrong_at_hash_is_refused() {
    refused("at-hash-changed").await;
}

#[tokio::test]
async fn h04_no_at_hash_is_accepted_with_a_code() {
    accepted("at-hash-missing").await;
}

#[tokio::test]
async fn row_22_clocks_may_differ_by_the_leeway_and_not_by_more() {
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
