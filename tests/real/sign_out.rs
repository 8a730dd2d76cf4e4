//! Sign-out, which requires a confirmation by the user

use http::{Method, StatusCode};

use crate::harness::{Proxy, Setup};

pub(crate) async fn sign_out_page_asks_and_its_button_ends_the_session(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let browser = setup.chromium().await;
    browser.open(&setup.url("/work")).await;
    browser.sign_in("alice").await;
    browser.text("#echo").await;

    browser.open(&setup.url("/oauth2/sign_out")).await;
    browser.take_screenshots("sign-out").await;
    let kept = browser.cookies().await;
    assert!(
        kept.iter().any(|cookie| cookie.name() == "__Host-foregate"),
        "opening the sign-out page ended the session"
    );
    browser.click("#sign-out").await;
    browser.text("#sign-in").await;
    browser.take_screenshots("signed-out").await;

    let left = browser.cookies().await;
    assert!(!left.iter().any(|cookie| cookie.name().starts_with("__Host-foregate")), "{left:?}");
    assert_eq!(browser.url().await.path(), "/oauth2/signed_out");
    let observed = setup.provider().observed();
    assert_eq!((observed.end_session, observed.authorization), (1, 1));
    browser.open(&setup.url("/work")).await;
    // The session at the provider has ended too, so it asks for the password.
    assert!(browser.has("#password").await);
}

pub(crate) async fn cross_site_request_cannot_sign_a_user_out(proxy: Proxy) {
    let setup = Setup::start(proxy).await;
    let client = setup.signed_in_client("alice").await;

    let asked = client.get("/oauth2/sign_out", &[("Accept", "text/html")]).await;
    let forged = [("Origin", "https://evil.test"), ("Sec-Fetch-Site", "cross-site")];
    let forged = client.send(Method::POST, "/oauth2/sign_out", &forged).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(client.get("/still", &[]).await.status, StatusCode::OK);
}
