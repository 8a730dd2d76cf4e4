//! Sign-in with Keycloak, and failures of it without a redirect loop

use http::StatusCode;

use super::{open, open_with, shown_request, submit_login};
use crate::harness::Chromium;

/// Returns the HTTP status of the page in the browser.
async fn status(browser: &Chromium) -> u64 {
    let script = "done(performance.getEntriesByType('navigation')[0].responseStatus)";
    browser.run_script(script).await.as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_sign_in_returns_to_the_deep_link() {
    let setup = open().await;
    let browser = setup.chromium().await;
    let link = setup.url("/pods/web%20one?namespace=a%26b&tab=logs&tab=events");

    browser.open(&link).await;
    assert!(browser.url().await.as_str().starts_with(&setup.provider().issuer()), "{}", browser.url().await);
    submit_login(&browser, "testuser", "testuser").await;

    let received = shown_request(&browser).await;
    assert_eq!(browser.url().await.as_str(), link);
    assert_eq!(received.target, "/pods/web%20one?namespace=a%26b&tab=logs&tab=events");
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_after_a_wrong_password_returns_to_the_deep_link() {
    let setup = open().await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/pods?tab=logs")).await;
    submit_login(&browser, "alice", "not alice").await;
    browser.text("#input-error-username").await;
    submit_login(&browser, "alice", "alice").await;

    assert_eq!(shown_request(&browser).await.target, "/pods?tab=logs");
    assert_eq!(setup.provider().count_events("LOGIN_ERROR").await, 1);
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_without_the_required_group_gets_one_page_and_no_loop() {
    let setup = open().await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/secret")).await;
    submit_login(&browser, "bob", "bob").await;
    let page = browser.text("#request-id").await;
    assert_eq!(
        (browser.url().await.as_str(), status(&browser).await),
        (&*setup.url("/secret"), 403),
        "{page}"
    );
    browser.open(&setup.url("/secret")).await;

    assert_eq!(status(&browser).await, 403);
    assert!(browser.text("main").await.contains("bob"));
    assert_eq!(
        setup.provider().count_events("LOGIN").await,
        1,
        "the browser was redirected to the provider again"
    );
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 1);
    assert_eq!(setup.all_requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_without_provider_session_shows_a_page_with_a_link() {
    let mut setup = open_with(|_| {}, "[provider.authorization_parameters]\nprompt = \"none\"\n").await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/quiet?a=b")).await;

    let again = browser.driver().find(fantoccini::Locator::Css("main .actions a")).await.unwrap();
    let again = again.attr("href").await.unwrap().unwrap();
    let page = browser.url().await;
    assert_eq!(page.path(), "/oauth2/callback");
    assert!(page.query_pairs().any(|pair| pair == ("error".into(), "login_required".into())), "{page}");
    assert_eq!(status(&browser).await, 403);
    let again = page.join(&again).unwrap();
    assert_eq!(again.path(), "/oauth2/start");
    let rd = again.query_pairs().find(|(name, _)| name == "rd").unwrap().1.into_owned();
    assert!(rd.ends_with("/quiet?a=b"), "the link lost its return URL: {rd}");
    let log = setup.gateway.wait_for_log("login_required").await;
    assert_eq!(
        log.matches("login_required").count(),
        1,
        "the provider received more than one request:\n{log}"
    );
    assert_eq!(setup.all_requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn callback_with_another_state_creates_no_session() {
    let setup = open().await;
    let mut client = setup.anonymous_client();

    let (form, _) = client.visit("/").await;
    let asked = form.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let forged = format!("/oauth2/callback?state={asked}x&code=a&iss={}", setup.provider().issuer());
    let (_, reply) = client.visit(&forged).await;

    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
    assert!(!client.has_session());
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 0);
    assert_eq!(
        setup.provider().count_events("CODE_TO_TOKEN_ERROR").await,
        0,
        "the gateway sent the code of a forged callback"
    );
}
