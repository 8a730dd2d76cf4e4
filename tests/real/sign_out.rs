//! Does leaving need a will?

use http::{Method, StatusCode};

use crate::harness::{Proxy, Stage};

pub(crate) async fn the_sign_out_page_asks_and_the_button_ends_the_session(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let browser = stage.chromium().await;
    browser.open(&stage.url("/work")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;

    browser.open(&stage.url("/oauth2/sign_out")).await;
    browser.picture("sign-out").await;
    let kept = browser.cookies().await;
    assert!(kept.iter().any(|cookie| cookie.name() == "__Host-foregate"), "asking alone ended the session");
    browser.click("#sign-out").await;
    browser.text("#sign-in").await;
    browser.picture("signed-out").await;

    let left = browser.cookies().await;
    assert!(!left.iter().any(|cookie| cookie.name().starts_with("__Host-foregate")), "{left:?}");
    assert_eq!(browser.url().await.path(), "/oauth2/signed_out");
    let observed = stage.provider().observed();
    assert_eq!((observed.end_session, observed.authorization), (1, 1));
    browser.open(&stage.url("/work")).await;
    // The provider no longer knows the person, and asks.
    assert!(browser.has("#password").await);
}

pub(crate) async fn another_site_cannot_sign_a_person_out(proxy: Proxy) {
    let stage = Stage::open(proxy).await;
    let caller = stage.caller("alice").await;

    let asked = caller.get("/oauth2/sign_out", &[("Accept", "text/html")]).await;
    let forged = [("Origin", "https://evil.test"), ("Sec-Fetch-Site", "cross-site")];
    let forged = caller.send(Method::POST, "/oauth2/sign_out", &forged).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(caller.get("/still", &[]).await.status, StatusCode::OK);
}
