//! Accepted and refused authorization and token responses

use super::{Scene, expect_acceptance, expect_refusal};
use crate::harness::{Browser, Page};

/// Opens the callback with this query. `STATE` and `ISS` are replaced by the correct values.
async fn open_callback(scene: &Scene, query: &str) -> (Browser, Page) {
    let mut browser = Browser::new();
    browser.open(&scene.gateway.url("/oauth2/start")).await;
    let state = scene.provider.authorization_requests().last().unwrap()["state"].clone();
    let query = query.replace("STATE", &state).replace("ISS", scene.provider.issuer());
    let page = browser.go(&scene.gateway.url(&format!("/oauth2/callback?{query}"))).await;
    (browser, page)
}

async fn expect_no_token_request(query: &str) {
    let scene = Scene::new(&[]).await;
    let ended = scene.ended().await;
    let (browser, page) = open_callback(&scene, query).await;
    assert!((400..500).contains(&page.status), "{query}: {}", page.status);
    assert_eq!(browser.cookie("foregate"), None);
    assert_eq!(scene.ended().await, ended + 1);
    let observed = scene.provider.observed();
    assert_eq!(observed.code_exchange + observed.token_refused, 0, "the code is not sent");
}

#[tokio::test]
async fn x15_row_14_response_of_another_issuer_causes_no_token_request() {
    expect_no_token_request("code=x&state=STATE&iss=ISS1").await;
    expect_no_token_request("code=x&state=STATE&iss=https://evil.test").await;
    expect_no_token_request("error=access_denied&state=STATE&iss=https://evil.test").await;
}

#[tokio::test]
async fn x16_row_14_missing_iss_is_refused_if_metadata_announces_it() {
    expect_no_token_request("code=x&state=STATE").await;
}

#[tokio::test]
async fn x17_other_state_is_refused() {
    expect_no_token_request("code=x&state=STATEx&iss=ISS").await;
}

#[tokio::test]
async fn x18_missing_state_is_refused() {
    expect_no_token_request("code=x&iss=ISS").await;
}

#[tokio::test]
async fn row_36_repeated_parameter_is_refused() {
    for name in ["code", "state", "iss", "error", "session_state", "error_description"] {
        let usual = if name == "error" { "state=STATE&iss=ISS" } else { "code=x&state=STATE&iss=ISS" };
        let twice = match name {
            "code" => "code=y".to_owned(),
            "state" => "state=STATE".to_owned(),
            "iss" => "iss=ISS".to_owned(),
            other => format!("{other}=a&{other}=b"),
        };
        expect_no_token_request(&format!("{usual}&{twice}")).await;
    }
}

/// The same rules for redirects that the provider itself makes.
#[tokio::test]
async fn x15_to_x18_row_36_faulty_response_causes_no_token_request() {
    let scene = Scene::new(&[]).await;
    for fault in [
        "authorization-iss-changed",
        "authorization-iss-missing",
        "authorization-iss-duplicated",
        "authorization-state-changed",
        "authorization-state-missing",
        "authorization-state-duplicated",
        "authorization-code-missing",
        "authorization-code-duplicated",
        "authorization-error-odd",
        "authorization-error-and-code",
        "authorization-error-duplicated",
        "authorization-session-state-duplicated",
    ] {
        let end = scene.sign_in(&[fault]).await;
        assert!((400..500).contains(&end.page.status), "{fault}: {}", end.page.status);
        assert_eq!(end.browser.cookie("foregate"), None, "{fault}");
        assert!(!end.page.body.contains("<script") && !end.page.body.contains("onerror"), "{fault}");
    }
    assert_eq!(scene.provider.observed().token, 0);
    scene.expect_acceptance(&["authorization-session-state"]).await;
}

#[tokio::test]
async fn empty_code_is_refused() {
    expect_refusal("authorization-code-empty").await;
}

#[tokio::test]
async fn x19_missing_expires_in_defaults_to_the_id_token_expiry() {
    expect_acceptance("token-expires-in-missing").await;
}

#[tokio::test]
async fn x20_token_type_is_case_insensitive() {
    expect_acceptance("token-type-odd-case").await;
}

#[tokio::test]
async fn invalid_token_response_is_refused() {
    let scene = Scene::new(&[]).await;
    for fault in [
        "token-id-token-missing",
        "token-id-token-null",
        "token-id-token-number",
        "token-access-token-missing",
        "token-type-missing",
        "token-type-mac",
    ] {
        scene.expect_refusal(&[fault]).await;
    }
    scene.expect_acceptance(&["token-refresh-token-missing"]).await;
    scene.expect_acceptance(&["token-expires-in-text"]).await;
    scene.expect_acceptance(&["token-expires-in-huge"]).await;
    scene.expect_acceptance(&["token-expires-in-negative"]).await;
}

#[tokio::test]
async fn error_text_of_the_provider_is_not_shown() {
    for fault in ["token-error-invalid-grant", "token-error-control", "token-error-html"] {
        expect_refusal(fault).await;
        let scene = Scene::new(&[]).await;
        let page = scene.sign_in(&[fault]).await.page;
        assert!(!page.body.contains("alert(1)") && !page.body.contains("forged"), "{fault}: {}", page.body);
    }
}

#[tokio::test]
async fn row_15_pkce_is_s256_even_if_not_announced() {
    use crate::harness::{Forger, Gateway, SIGNS_WITH};
    // Its metadata has no `code_challenge_methods_supported`.
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let page = Browser::new().go(&gateway.url("/oauth2/start")).await;
    assert!(page.location().contains("code_challenge_method=S256"), "{}", page.location());
}
