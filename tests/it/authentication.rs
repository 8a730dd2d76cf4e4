//! How and when the user must have authenticated at the provider: `max_age`, `acr` and `prompt=none`

use dev_provider::{Fault, Settings};

use crate::harness::{Browser, Gateway, Page, Provider, provider, sign_in_with_faults};
use crate::refresh::scene::{DUE, poll, refresh_once, scene_with, short_lived, until_refreshes};

/// Expects a page without a session, and returns its link.
fn expect_page(browser: &Browser, page: &Page, title: &str) -> String {
    assert_eq!((page.status, browser.cookie("foregate")), (403, None), "{}", page.body);
    assert!(page.body.contains(&format!("<h1>{title}</h1>")), "{}", page.body);
    let link = page.body.split_once("<a ").unwrap().1.split_once("href=\"").unwrap().1;
    link.split_once('"').unwrap().0.replace("&amp;", "&").replace("&#38;", "&")
}

/// Returns a query parameter of the last authentication request of a browser.
fn requested(browser: &Browser, name: &str) -> Option<String> {
    let request = browser.visited.iter().rfind(|url| url.path().ends_with("/authorize")).unwrap();
    request.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

const MAX_AGE: &str = "provider.authorization_parameters.max_age";

#[tokio::test]
async fn sign_in_with_max_age_needs_a_recent_auth_time() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[(MAX_AGE, "3600")]).await;
    for fault in ["auth-time-missing", "auth-time-text", "auth-time-future"] {
        let (browser, page) = sign_in_with_faults(&provider, &gateway, &[fault]).await;
        expect_page(&browser, &page, "Signing in is not set up correctly");
    }

    let (mut browser, page) = sign_in_with_faults(&provider, &gateway, &["auth-time-old"]).await;
    let link = expect_page(&browser, &page, "Please sign in again");
    let form = browser.open(&link).await;
    assert_eq!(requested(&browser, "prompt").as_deref(), Some("login"), "the provider asks again");
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(page.url.path(), "/deep");
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
}

/// The leeway is 60 seconds, so the age is too high for a sign-in when the refresh is due.
#[tokio::test]
async fn refresh_is_not_measured_by_max_age() {
    let (provider, gateway, mut browser) = scene_with(&[(MAX_AGE, "10")]).await;
    refresh_once(&provider, &gateway, &mut browser).await;
    assert_eq!(provider.observed().refresh, 1);
}

/// A provider whose users authenticate as `gold`, with tokens of 100 seconds.
async fn gold_provider() -> Provider {
    let mut settings =
        Settings { access_token_life: std::time::Duration::from_secs(100), ..Settings::default() };
    settings.users[0].extra.insert("acr".to_owned(), "gold".into());
    Provider::start(settings).await
}

const REQUIRED: [(&str, &str); 1] = [("provider.required_acr", "gold,silver")];

#[tokio::test]
async fn sign_in_needs_a_required_acr_and_requests_it() {
    let provider = gold_provider().await;
    let gateway = Gateway::with(&provider, &REQUIRED).await;
    let (browser, page) = sign_in_with_faults(&provider, &gateway, &[]).await;
    assert_eq!(page.url.path(), "/deep", "{}", page.body);
    assert_eq!(requested(&browser, "acr_values").as_deref(), Some("gold silver"));

    let (browser, page) = sign_in_with_faults(&provider, &gateway, &["acr-unexpected"]).await;
    let link = expect_page(&browser, &page, "Please sign in again");
    assert!(link.contains("account=another") && !page.body.contains("gold"), "{}", page.body);
    let (browser, page) = sign_in_with_faults(&provider, &gateway, &["acr-number"]).await;
    expect_page(&browser, &page, "Signing in is not set up correctly");
}

#[tokio::test]
async fn refresh_with_another_acr_than_the_required_ones_ends_the_session() {
    let provider = gold_provider().await;
    let gateway = Gateway::with(&provider, &REQUIRED).await;
    let (mut browser, _) = sign_in_with_faults(&provider, &gateway, &[]).await;
    refresh_once(&provider, &gateway, &mut browser).await;
    provider.arm("acr-unexpected".parse::<Fault>().unwrap());
    provider.clock.advance(DUE);
    assert_eq!(poll(&gateway, &browser).await.status, 200, "its refresh has only begun");
    until_refreshes(&gateway, "provider_misbehaved", 1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 401);
}

#[tokio::test]
async fn acr_that_is_only_requested_is_not_required() {
    let provider = short_lived().await;
    let voluntary = [("provider.authorization_parameters.acr_values", "gold")];
    let gateway = Gateway::with(&provider, &voluntary).await;
    for fault in [&[][..], &["acr-unexpected"]] {
        let (browser, page) = sign_in_with_faults(&provider, &gateway, fault).await;
        assert_eq!(page.url.path(), "/deep", "{fault:?}: {}", page.body);
        assert_eq!(requested(&browser, "acr_values").as_deref(), Some("gold"));
    }
}

#[tokio::test]
async fn page_after_prompt_none_continues_without_it() {
    let provider = provider().await;
    let silent = [("provider.authorization_parameters.prompt", "none")];
    let gateway = Gateway::with(&provider, &silent).await;
    let mut browser = Browser::new();
    let page = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
    assert_eq!(requested(&browser, "prompt").as_deref(), Some("none"));
    let link = expect_page(&browser, &page, "Please sign in");

    let form = browser.open(&link).await;
    assert_eq!(requested(&browser, "prompt"), None);
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(page.url.path(), "/deep", "{}", page.body);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);

    // The gateway's session is lost at once. The link must not turn this into a loop of silent sign-ins.
    browser.forget("foregate");
    assert_eq!(browser.go(&link).await.status, 409);
    browser.expire_sign_in_marker();
    let page = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
    assert_eq!(page.url.path(), "/deep", "the provider knows the user now");
    assert_eq!(requested(&browser, "prompt").as_deref(), Some("none"));
}

/// Also without `prompt=none`, for example because an identity provider behind the provider was asked with it.
#[tokio::test]
async fn provider_that_needs_the_user_gets_a_page_that_continues_there() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for fault in ["authorization-error-login-required", "authorization-error-consent-required"] {
        let (mut browser, page) = sign_in_with_faults(&provider, &gateway, &[fault]).await;
        let link = expect_page(&browser, &page, "Please sign in");
        let page = browser.open(&link).await;
        assert_eq!(page.url.path(), "/deep", "{fault}: {}", page.body);
        assert_eq!(gateway.ask_as(&browser, "/").await.status, 200, "{fault}");
    }
}
