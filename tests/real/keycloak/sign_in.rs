//! Does a person with an account at Keycloak get in, and does nobody else go round in circles?

use http::StatusCode;

use super::{open, open_with, shown, type_in};
use crate::harness::Chromium;

/// The status of the page that is shown, as the browser received it.
async fn status(browser: &Chromium) -> u64 {
    let script = "done(performance.getEntriesByType('navigation')[0].responseStatus)";
    browser.ask(script).await.as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_deep_link_ends_on_the_deep_link_after_sign_in() {
    let stage = open().await;
    let browser = stage.chromium().await;
    let link = stage.url("/pods/web%20one?namespace=a%26b&tab=logs&tab=events");

    browser.open(&link).await;
    assert!(browser.url().await.as_str().starts_with(&stage.provider().issuer()), "{}", browser.url().await);
    type_in(&browser, "testuser", "testuser").await;

    let seen = shown(&browser).await;
    assert_eq!(browser.url().await.as_str(), link);
    assert_eq!(seen.target, "/pods/web%20one?namespace=a%26b&tab=logs&tab=events");
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_then_the_right_one_ends_on_the_deep_link() {
    let stage = open().await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/pods?tab=logs")).await;
    type_in(&browser, "alice", "not alice").await;
    browser.text("#input-error-username").await;
    type_in(&browser, "alice", "alice").await;

    assert_eq!(shown(&browser).await.target, "/pods?tab=logs");
    assert_eq!(stage.provider().events("LOGIN_ERROR").await, 1);
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_the_group_gets_one_page_and_no_loop() {
    let stage = open().await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/secret")).await;
    type_in(&browser, "bob", "bob").await;
    let page = browser.text("#request-id").await;
    assert_eq!(
        (browser.url().await.as_str(), status(&browser).await),
        (&*stage.url("/secret"), 403),
        "{page}"
    );
    browser.open(&stage.url("/secret")).await;

    assert_eq!(status(&browser).await, 403);
    assert!(browser.text("main").await.contains("bob"));
    assert_eq!(stage.provider().events("LOGIN").await, 1, "it went back to the provider");
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 1);
    assert_eq!(stage.all_arrived().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_without_a_session_ends_on_a_page_with_a_link() {
    let mut stage = open_with(|_| {}, "[provider.authorization_parameters]\nprompt = \"none\"\n").await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/quiet?a=b")).await;

    let again = browser.driver().find(fantoccini::Locator::Css("main .actions a")).await.unwrap();
    let again = again.attr("href").await.unwrap().unwrap();
    let page = browser.url().await;
    assert_eq!(page.path(), "/oauth2/callback");
    assert!(page.query_pairs().any(|pair| pair == ("error".into(), "login_required".into())), "{page}");
    assert_eq!(status(&browser).await, 403);
    let again = page.join(&again).unwrap();
    assert_eq!(again.path(), "/oauth2/start");
    let rd = again.query_pairs().find(|(name, _)| name == "rd").unwrap().1.into_owned();
    assert!(rd.ends_with("/quiet?a=b"), "the link forgets where it was to lead: {rd}");
    let log = stage.gateway.log_with("login_required").await;
    assert_eq!(log.matches("login_required").count(), 1, "it asked more than once:\n{log}");
    assert_eq!(stage.all_arrived().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_another_state_makes_no_session() {
    let stage = open().await;
    let mut caller = stage.stranger();

    let (form, _) = caller.visit("/").await;
    let asked = form.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let forged = format!("/oauth2/callback?state={asked}x&code=a&iss={}", stage.provider().issuer());
    let (_, reply) = caller.visit(&forged).await;

    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
    assert!(!caller.has_session());
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 0);
    assert_eq!(
        stage.provider().events("CODE_TO_TOKEN_ERROR").await,
        0,
        "a code was sent that nobody asked for"
    );
}
