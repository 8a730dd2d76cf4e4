//! Sign-out at the gateway first, and then at the provider

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Method, Url};

use crate::harness::{Browser, DevProvider, Gateway, Page, provider};

const STATE: &str = "foregate-login-out";

async fn signed_in_browser(gateway: &Gateway) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
    browser
}

async fn sign_out(gateway: &Gateway, browser: &mut Browser) -> Page {
    let own = [("origin", gateway.url("")), ("sec-fetch-site", "same-origin".to_owned())];
    let own = own.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), HeaderMap::from_iter(own), None).await
}

fn end_session_requests(provider: &DevProvider) -> u64 {
    provider.observed().end_session
}

fn is_signed_out_page(page: &Page) -> bool {
    page.status == 200 && page.body.contains("You are signed out") && page.body.contains("id=\"sign-in\"")
}

/// Returns whether the page warns that the session at the provider may still exist.
fn warns_of_provider_session(page: &Page) -> bool {
    assert!(is_signed_out_page(page), "{}", page.body);
    page.body.contains("sign out there too")
}

/// Begins a sign-in. Returns whether the provider asks for a password; otherwise the browser has a new session.
async fn asks_for_a_password(gateway: &Gateway, browser: &mut Browser) -> bool {
    let page = browser.open(&gateway.url("/oauth2/start")).await;
    let has_password_field = page.body.contains("password");
    assert_eq!(has_password_field, browser.cookie("foregate").is_none(), "{}", page.url);
    has_password_field
}

#[tokio::test]
async fn l01_session_ends_before_the_browser_is_redirected() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let token = gateway.ask_as(&browser, "/").await.header("x-forwarded-id-token").unwrap().to_owned();

    let sent = sign_out(&gateway, &mut browser).await;
    assert_eq!((sent.status, sent.headers["cache-control"].to_str().unwrap()), (303, "no-store"));
    assert_eq!(browser.cookie("foregate"), None);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 302);
    assert_eq!(end_session_requests(&provider), 0, "the provider has not been asked yet");

    let url = Url::parse(sent.location()).unwrap();
    assert!(url.as_str().starts_with(&format!("{}/logout?", provider.issuer())), "{url}");
    let parameter = |name: &str| url.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
    assert_eq!(parameter("id_token_hint"), token);
    assert_eq!(parameter("client_id"), "foregate");
    assert_eq!(parameter("post_logout_redirect_uri"), gateway.url("/oauth2/signed_out"));
    assert_eq!(browser.cookie(STATE), Some(&*parameter("state")));

    let end = browser.open(sent.location()).await;
    assert!(!warns_of_provider_session(&end), "the provider confirmed its sign-out: {}", end.body);
    assert_eq!((end.url.path(), end_session_requests(&provider)), ("/oauth2/signed_out", 1));
    assert_eq!(browser.cookie(STATE), None);
    assert!(asks_for_a_password(&gateway, &mut browser).await);
}

/// The returned state is another one (L02), is missing (L03), or is repeated.
#[tokio::test]
async fn l02_l03_other_or_missing_state_shows_the_same_page() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    sign_out(&gateway, &mut browser).await;
    let state = browser.cookie(STATE).unwrap().to_owned();
    for query in [
        format!("?state={state}_INVALID"),
        String::new(),
        "?state=".to_owned(),
        format!("?state={state}&state=x"),
    ] {
        let page = browser.go(&gateway.url(&format!("/oauth2/signed_out{query}"))).await;
        assert!(warns_of_provider_session(&page), "{query}: {}", page.body);
        assert!(page.headers.get(SET_COOKIE).is_none(), "{query}");
    }
    assert_eq!(browser.cookie(STATE), Some(&*state));
    assert_eq!(provider.observed().authorization, 1, "the page does not sign in by itself");
}

#[tokio::test]
async fn signed_in_user_sees_no_signed_out_page() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let page = browser.go(&gateway.url("/oauth2/signed_out?state=x")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("id=\"sign-out\"") && !page.body.contains("You are signed out"));
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
}

/// The user signed in again before the provider redirected back.
#[tokio::test]
async fn return_from_the_provider_ends_the_sign_out_of_a_user_who_is_signed_in() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    sign_out(&gateway, &mut browser).await;
    let state = browser.cookie(STATE).unwrap().to_owned();
    browser.expire_sign_in_marker();
    assert!(!asks_for_a_password(&gateway, &mut browser).await);

    let page = browser.go(&gateway.url(&format!("/oauth2/signed_out?state={state}"))).await;

    assert!(page.body.contains("id=\"sign-out\""), "{}", page.body);
    assert_eq!(browser.cookie(STATE), None);
}

#[tokio::test]
async fn sign_out_succeeds_while_the_provider_is_unavailable() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    drop(provider);
    let sent = sign_out(&gateway, &mut browser).await;
    assert_eq!(sent.status, 303);
    assert_eq!(browser.cookie("foregate"), None);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 302);
}

#[tokio::test]
async fn cross_origin_post_ends_no_session_here_or_at_the_provider() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let forged = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
    let forged = forged.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let page = browser
        .request(Method::POST, &gateway.url("/oauth2/sign_out"), HeaderMap::from_iter(forged), None)
        .await;
    assert_eq!((page.status, page.headers.get("location")), (403, None));
    assert_eq!((gateway.ask_as(&browser, "/").await.status, end_session_requests(&provider)), (200, 0));
}

#[tokio::test]
async fn sign_out_without_a_session_does_not_redirect() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    assert!(is_signed_out_page(&sign_out(&gateway, &mut Browser::new()).await));
}

#[tokio::test]
async fn missing_end_session_endpoint_revokes_the_refresh_token() {
    let provider = provider().await;
    provider.arm_all(&["discovery-end-session-missing".parse().unwrap()]);
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    assert!(warns_of_provider_session(&sign_out(&gateway, &mut browser).await));
    assert_eq!((browser.cookie("foregate"), browser.cookie(STATE)), (None, None));
    assert_eq!(provider.observed().revocation, 1);
    assert!(!asks_for_a_password(&gateway, &mut browser).await, "the session at the provider still exists");
}

#[tokio::test]
async fn disabled_provider_logout_sends_no_request_to_the_provider() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("sign_in.provider_logout", "false")]).await;
    let mut browser = signed_in_browser(&gateway).await;
    assert!(warns_of_provider_session(&sign_out(&gateway, &mut browser).await));
    assert_eq!(browser.cookie("foregate"), None);
    assert!(!asks_for_a_password(&gateway, &mut browser).await, "the session at the provider still exists");
    assert_eq!((end_session_requests(&provider), provider.observed().revocation), (0, 0));
}

/// Chromium applies the `form-action` of the page to every redirect that follows its form.
#[tokio::test]
async fn only_the_sign_out_page_allows_its_form_to_reach_the_provider() {
    let provider = provider().await;
    let origin = Url::parse(provider.issuer()).unwrap().origin().ascii_serialization();
    let gateway = Gateway::start(&provider).await;
    let mut browser = signed_in_browser(&gateway).await;
    let off = Gateway::with(&provider, &[("sign_in.provider_logout", "false")]).await;
    for (page, leads_there) in [
        (browser.go(&gateway.url("/oauth2/sign_out")).await, true),
        (browser.go(&gateway.url("/oauth2/sign_in")).await, false),
        (Browser::new().go(&gateway.url("/oauth2/signed_out")).await, false),
        (Browser::new().go(&off.url("/oauth2/sign_out")).await, false),
    ] {
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        let expected = if leads_there {
            format!("form-action 'self' {origin};")
        } else {
            "form-action 'self';".to_owned()
        };
        assert!(policy.contains(&expected), "{}: {policy}", page.url);
    }
}
