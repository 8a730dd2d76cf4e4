//! Sign-out at the gateway and at Keycloak

use super::{open, open_with, shown_request, submit_login};
use crate::harness::{Chromium, Realm, Setup};

/// Sign-out without a request to Keycloak.
const LOCAL_SIGN_OUT: &str = "[sign_in]\nprovider_logout = false\n";

/// Presses the sign-out button and waits for the last page.
async fn sign_out(setup: &Setup<Realm>, browser: &Chromium) {
    browser.open(&setup.url("/oauth2/sign_out")).await;
    browser.click("#sign-out").await;
    browser.text("#sign-in").await;
    let left = browser.cookies().await;
    assert!(!left.iter().any(|cookie| cookie.name().starts_with("__Host-foregate")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn visit_after_sign_out_asks_for_the_password() {
    let setup = open().await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work")).await;
    submit_login(&browser, "alice", "alice").await;
    shown_request(&browser).await;

    sign_out(&setup, &browser).await;
    let end = browser.url().await;
    assert_eq!((end.path(), end.query_pairs().count()), ("/oauth2/signed_out", 1), "{end}");
    assert_eq!(setup.provider().count_events("LOGOUT").await, 1);
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 1, "the sign-out started a new sign-in");

    browser.open(&setup.url("/again?a=b")).await;
    submit_login(&browser, "alice", "alice").await;
    assert_eq!(shown_request(&browser).await.target, "/again?a=b");
}

#[tokio::test(flavor = "multi_thread")]
async fn visit_after_local_sign_out_signs_the_user_in_silently() {
    let setup = open_with(|_| {}, LOCAL_SIGN_OUT).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work")).await;
    submit_login(&browser, "alice", "alice").await;
    shown_request(&browser).await;

    sign_out(&setup, &browser).await;
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 1, "the sign-out started a new sign-in");
    browser.open(&setup.url("/again?a=b")).await;

    let received = shown_request(&browser).await;
    assert_eq!((received.target.as_str(), received.value("x-forwarded-user")), ("/again?a=b", "alice"));
    assert_eq!(setup.provider().count_events("CODE_TO_TOKEN").await, 2);
    assert_eq!(setup.provider().count_events("LOGOUT").await, 0, "a local sign-out reached the provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn visit_after_sign_out_waits_on_the_sign_in_page() {
    let setup = open_with(|_| {}, "[sign_in]\npage = true\nprovider_logout = false\n").await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work")).await;
    browser.click("#sign-in").await;
    submit_login(&browser, "alice", "alice").await;
    shown_request(&browser).await;

    sign_out(&setup, &browser).await;
    browser.open(&setup.url("/again?a=b")).await;

    assert_eq!(browser.url().await.path(), "/oauth2/sign_in");
    assert_eq!(
        setup.provider().count_events("CODE_TO_TOKEN").await,
        1,
        "the sign-in started without the button"
    );
    browser.click("#sign-in").await;
    assert_eq!(shown_request(&browser).await.target, "/again?a=b");
}
