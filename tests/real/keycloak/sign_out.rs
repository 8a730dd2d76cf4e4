//! What is over after signing out, and what Keycloak still knows?

use super::{open, open_with, shown, type_in};
use crate::harness::{Chromium, Realm, Stage};

/// Keycloak is not told.
const LOCAL: &str = "[sign_in]\nprovider_logout = false\n";

/// Presses the button, and waits for the end.
async fn sign_out(stage: &Stage<Realm>, browser: &Chromium) {
    browser.open(&stage.url("/oauth2/sign_out")).await;
    browser.click("#sign-out").await;
    browser.text("#sign-in").await;
    let left = browser.cookies().await;
    assert!(!left.iter().any(|cookie| cookie.name().starts_with("__Host-foregate")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_signing_out_a_fresh_visit_asks_for_the_password() {
    let stage = open().await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work")).await;
    type_in(&browser, "alice", "alice").await;
    shown(&browser).await;

    sign_out(&stage, &browser).await;
    let end = browser.url().await;
    assert_eq!((end.path(), end.query_pairs().count()), ("/oauth2/signed_out", 1), "{end}");
    assert_eq!(stage.provider().events("LOGOUT").await, 1);
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 1, "the sign-out signed in again by itself");

    browser.open(&stage.url("/again?a=b")).await;
    type_in(&browser, "alice", "alice").await;
    assert_eq!(shown(&browser).await.target, "/again?a=b");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_local_sign_out_keycloak_lets_the_same_person_in_without_asking() {
    let stage = open_with(|_| {}, LOCAL).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work")).await;
    type_in(&browser, "alice", "alice").await;
    shown(&browser).await;

    sign_out(&stage, &browser).await;
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 1, "the sign-out signed in again by itself");
    browser.open(&stage.url("/again?a=b")).await;

    let seen = shown(&browser).await;
    assert_eq!((seen.target.as_str(), seen.one("x-forwarded-user")), ("/again?a=b", "alice"));
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 2);
    assert_eq!(stage.provider().events("LOGOUT").await, 0, "a local sign-out told the provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_page_before_sign_in_a_fresh_visit_waits_there() {
    let stage = open_with(|_| {}, "[sign_in]\npage = true\nprovider_logout = false\n").await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work")).await;
    browser.click("#sign-in").await;
    type_in(&browser, "alice", "alice").await;
    shown(&browser).await;

    sign_out(&stage, &browser).await;
    browser.open(&stage.url("/again?a=b")).await;

    assert_eq!(browser.url().await.path(), "/oauth2/sign_in");
    assert_eq!(stage.provider().events("CODE_TO_TOKEN").await, 1, "nobody pressed the button");
    browser.click("#sign-in").await;
    assert_eq!(shown(&browser).await.target, "/again?a=b");
}
