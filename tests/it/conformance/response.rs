//! Which authorization and token responses are acted upon?

use super::{Scene, accepted, refused};
use crate::harness::{Browser, Page};

/// Comes back from the provider with this query; `STATE` and `ISS` stand for the right values.
async fn answered(scene: &Scene, query: &str) -> (Browser, Page) {
    let mut browser = Browser::new();
    browser.open(&scene.gateway.url("/oauth2/start")).await;
    let state = scene.provider.authorization_requests().last().unwrap()["state"].clone();
    let query = query.replace("STATE", &state).replace("ISS", scene.provider.issuer());
    let page = browser.go(&scene.gateway.url(&format!("/oauth2/callback?{query}"))).await;
    (browser, page)
}

async fn stops(query: &str) {
    let scene = Scene::new(&[]).await;
    let ended = scene.ended().await;
    let (browser, page) = answered(&scene, query).await;
    assert!((400..500).contains(&page.status), "{query}: {}", page.status);
    assert_eq!(browser.cookie("foregate"), None);
    assert_eq!(scene.ended().await, ended + 1);
    let observed = scene.provider.observed();
    assert_eq!(observed.code_exchange + observed.token_refused, 0, "the code goes nowhere");
}

#[tokio::test]
async fn x15_row_14_an_answer_of_another_issuer_stops_before_the_token_request() {
    stops("code=x&state=STATE&iss=ISS1").await;
    stops("code=x&state=STATE&iss=https://evil.test").await;
    stops("error=access_denied&state=STATE&iss=https://evil.test").await;
}

#[tokio::test]
async fn x16_row_14_no_issuer_stops_where_the_provider_says_it_names_itself() {
    stops("code=x&state=STATE").await;
}

#[tokio::test]
async fn x17_another_state_stops() {
    stops("code=x&state=STATEx&iss=ISS").await;
}

#[tokio::test]
async fn x18_no_state_stops() {
    stops("code=x&iss=ISS").await;
}

#[tokio::test]
async fn row_36_a_parameter_that_comes_twice_stops() {
    for name in ["code", "state", "iss", "error", "session_state", "error_description"] {
        let usual = if name == "error" { "state=STATE&iss=ISS" } else { "code=x&state=STATE&iss=ISS" };
        let twice = match name {
            "code" => "code=y".to_owned(),
            "state" => "state=STATE".to_owned(),
            "iss" => "iss=ISS".to_owned(),
            other => format!("{other}=a&{other}=b"),
        };
        stops(&format!("{usual}&{twice}")).await;
    }
}

/// The same by the provider's own redirects.
#[tokio::test]
async fn x15_to_x18_row_36_a_provider_that_answers_oddly_gets_no_code_back() {
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
    scene.accepts(&["authorization-session-state"]).await;
}

#[tokio::test]
async fn x19_without_expires_in_the_id_token_says_how_long() {
    accepted("token-expires-in-missing").await;
}

#[tokio::test]
async fn x20_the_token_type_has_no_case() {
    accepted("token-type-odd-case").await;
}

#[tokio::test]
async fn a_token_response_without_its_parts_is_refused() {
    let scene = Scene::new(&[]).await;
    for fault in [
        "token-id-token-missing",
        "token-id-token-null",
        "token-id-token-number",
        "token-access-token-missing",
        "token-type-missing",
        "token-type-mac",
        "token-expires-in-negative",
    ] {
        scene.refuses(&[fault]).await;
    }
    scene.accepts(&["token-refresh-token-missing"]).await;
    scene.accepts(&["token-expires-in-text"]).await;
    scene.accepts(&["token-expires-in-huge"]).await;
}

#[tokio::test]
async fn what_a_provider_says_about_an_error_is_shown_to_nobody() {
    for fault in ["token-error-invalid-grant", "token-error-control", "token-error-html"] {
        refused(fault).await;
        let scene = Scene::new(&[]).await;
        let page = scene.sign_in(&[fault]).await.page;
        assert!(!page.body.contains("alert(1)") && !page.body.contains("forged"), "{fault}: {}", page.body);
    }
}

#[tokio::test]
async fn row_15_pkce_is_s256_even_where_nobody_announces_it() {
    use crate::harness::{Forger, Gateway, SIGNS_WITH};
    // Its metadata hold no code_challenge_methods_supported.
    let provider = Forger::start().await;
    let gateway = Gateway::with(&provider, &[SIGNS_WITH]).await;
    let page = Browser::new().go(&gateway.url("/oauth2/start")).await;
    assert!(page.location().contains("code_challenge_method=S256"), "{}", page.location());
}
