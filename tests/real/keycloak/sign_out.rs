//! What is over after signing out, and what Keycloak still knows?

use super::{open, open_with, shown, type_in};
use crate::harness::{Chromium, Realm, Stage};

async fn sign_out(stage: &Stage<Realm>, browser: &Chromium) {
    browser.open(&stage.url("/oauth2/sign_out")).await;
    browser.click("#sign-out").await;
    browser.gone("#sign-out").await;
    let left = browser.cookies().await;
    assert!(!left.iter().any(|cookie| cookie.name().starts_with("__Host-foregate")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_local_sign_out_keycloak_lets_the_same_person_in_without_asking() {
    let stage = open().await;
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
    let stage = open_with(|_| {}, "[sign_in]\npage = true\n").await;
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
