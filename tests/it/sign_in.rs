//! Sign-in of a user, and the return to the requested page

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{COOKIE, HeaderMap, ORIGIN};
use url::form_urlencoded;

use crate::harness::{Browser, Gateway, Provider, provider, until};
use crate::refresh::scene::usual_settings;

/// Asks the check about a path, follows its redirect, and returns the provider's login form.
async fn to_login_form(gateway: &Gateway, browser: &mut Browser, path: &str) -> crate::harness::Page {
    let reply = gateway.ask_as(browser, path).await;
    assert_eq!(reply.status, 302);
    browser.open(reply.header("location").unwrap()).await
}

#[tokio::test]
async fn deep_link_without_session_returns_after_the_sign_in() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = to_login_form(&gateway, &mut browser, "/c/main/pods?ns=a&next=https://b.test/x//y").await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let back = browser.visited.last().unwrap().to_string();
    assert_eq!(back, gateway.url("/c/main/pods?ns=a&next=https://b.test/x//y"));
    assert_eq!(browser.cookie_names().iter().filter(|name| name.starts_with("foregate")).count(), 1);

    let passed = gateway.ask_as(&browser, "/c/main/pods").await;
    assert_eq!(passed.status, 200);
    assert_eq!(passed.header("x-forwarded-user"), Some("testuser"));
    assert_eq!(passed.header("x-forwarded-group"), Some("dev,ops"));
    assert_eq!(passed.header("x-forwarded-email"), Some("testuser@example.com"));
    assert_eq!(passed.header("x-forwarded-id-token").unwrap().split('.').count(), 3);
    assert_eq!(passed.header("authorization"), None);
}

#[tokio::test]
async fn authorization_request_has_the_required_parameters() {
    let provider = provider().await;
    let more = [("provider.authorization_parameters.ui_locales", "de"), ("provider.scopes", "openid,groups")];
    let gateway = Gateway::with(&provider, &more).await;
    let mut browser = Browser::new();
    to_login_form(&gateway, &mut browser, "/").await;
    let request = &provider.authorization_requests()[0];
    assert_eq!(request["response_type"], "code");
    assert_eq!(request["redirect_uri"], gateway.url("/oauth2/callback"));
    assert_eq!(request["code_challenge_method"], "S256");
    assert_eq!(request["scope"], "openid groups");
    assert_eq!(request["ui_locales"], "de");
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(request[name].len(), 43, "{name}");
    }
    let values = ["state", "nonce", "code_challenge"].map(|name| &request[name]);
    assert!(values[0] != values[1] && values[1] != values[2]);
}

#[tokio::test]
async fn parallel_tabs_all_return_to_their_own_page() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let mut forms = Vec::new();
    for tab in 0..5 {
        forms.push(to_login_form(&gateway, &mut browser, &format!("/tab/{tab}")).await);
    }
    for (tab, form) in forms.iter().enumerate() {
        browser.sign_in(form, "testuser", "testuser").await;
        assert_eq!(browser.visited.last().unwrap().path(), format!("/tab/{tab}"));
    }
    assert_eq!(provider.observed().code_exchange, 5);
}

#[tokio::test]
async fn replayed_callback_shows_a_link_and_causes_no_token_request() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = to_login_form(&gateway, &mut browser, "/").await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let callback = browser.visited.iter().find(|url| url.path() == "/oauth2/callback").unwrap().to_string();
    let exchanges = provider.observed().code_exchange;
    let replayed = browser.go(&callback).await;
    assert_eq!(replayed.status, 400);
    assert!(replayed.body.contains("/oauth2/start?rd="));
    assert_eq!(provider.observed().code_exchange, exchanges);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200, "the session is still valid");
}

#[tokio::test]
async fn response_is_used_once_even_if_the_login_cookie_is_kept() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    to_login_form(&gateway, &mut browser, "/").await;
    let state = provider.authorization_requests()[0]["state"].clone();
    let kept = browser.cookie_header();
    let answer = gateway.url(&format!("/oauth2/callback?code=guess&state={state}&iss={}", provider.issuer()));
    for _ in 0..10 {
        let headers = HeaderMap::from_iter(kept.clone().map(|cookies| (COOKIE, cookies)));
        let page = Browser::new().request(Method::GET, &answer, headers, None).await;
        assert_eq!(page.status, 400);
    }
    assert_eq!(provider.observed().token_refused, 1);
}

#[tokio::test]
async fn malformed_response_causes_no_token_request_and_no_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    to_login_form(&gateway, &mut browser, "/").await;
    let state = provider.authorization_requests()[0]["state"].clone();
    let issuer = provider.issuer();
    let wrong = [
        (400, format!("code=x&state=wrong&iss={issuer}")),
        (400, format!("code=x&iss={issuer}")),
        (400, format!("code=x&code=y&state={state}&iss={issuer}")),
        (400, format!("code=x&state={state}&state={state}&iss={issuer}")),
        (400, format!("code=x&state={state}&iss={issuer}&iss=https://evil.test")),
        (400, format!("error=x&error=y&state={state}&iss={issuer}")),
        (400, format!("code=x&state={state}&iss={issuer}&session_state=1&session_state=2")),
    ];
    for (status, query) in wrong {
        let page = browser.go(&gateway.url(&format!("/oauth2/callback?{query}"))).await;
        assert_eq!(page.status, status, "{query}");
        assert_eq!(browser.cookie("foregate"), None, "{query}");
    }
    assert_eq!(provider.observed().code_exchange + provider.observed().token_refused, 0);
}

/// Each ends the login transaction, so each begins its own.
#[tokio::test]
async fn response_of_another_issuer_or_with_an_error_ends_the_transaction() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let issuer = provider.issuer();
    for (status, rest) in [
        (403, "code=x&iss=https://evil.test".to_owned()),
        (403, "code=x".to_owned()),
        (403, "error=access_denied&iss=https://evil.test".to_owned()),
        (403, format!("error=access_denied&error_description=%3Cscript%3E&iss={issuer}")),
        (400, format!("iss={issuer}")),
    ] {
        let mut browser = Browser::new();
        to_login_form(&gateway, &mut browser, "/").await;
        let state = provider.authorization_requests().last().unwrap()["state"].clone();
        let page = browser.go(&gateway.url(&format!("/oauth2/callback?state={state}&{rest}"))).await;
        assert_eq!(page.status, status, "{rest}");
        assert!(!page.body.contains("<script"), "{rest}");
        assert_eq!(browser.cookie_names(), Vec::<&str>::new(), "{rest}");
    }
    assert_eq!(provider.observed().code_exchange + provider.observed().token_refused, 0);
}

#[tokio::test]
async fn code_refused_by_the_provider_makes_no_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    to_login_form(&gateway, &mut browser, "/").await;
    let state = provider.authorization_requests()[0]["state"].clone();
    let query = format!("code=made-up&state={state}&iss={}", provider.issuer());
    let page = browser.go(&gateway.url(&format!("/oauth2/callback?{query}"))).await;
    assert_eq!(page.status, 400);
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
    assert_eq!(provider.observed().token_refused, 1);
}

#[tokio::test]
async fn callback_of_another_browser_is_refused() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let (mut victim, mut attacker) = (Browser::new(), Browser::new());
    let form = to_login_form(&gateway, &mut attacker, "/").await;
    // The attacker keeps their own callback and gives its URL to the victim.
    attacker.sign_in(&form, "alice", "alice").await;
    let callback = attacker.visited.iter().find(|url| url.path() == "/oauth2/callback").unwrap().to_string();
    assert_eq!(victim.go(&callback).await.status, 400);
    assert_eq!(victim.cookie("foregate"), None);
}

#[tokio::test]
async fn every_sign_in_makes_a_new_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    browser.set_cookie("foregate", "planted-before-the-sign-in");
    let form = to_login_form(&gateway, &mut browser, "/").await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let first = browser.cookie("foregate").unwrap().to_owned();
    browser.expire_sign_in_marker();
    browser.open(&gateway.url("/oauth2/start")).await;
    let second = browser.cookie("foregate").unwrap();
    assert!(first != "planted-before-the-sign-in" && first != second);
}

#[tokio::test]
async fn planted_session_is_replaced_at_sign_in() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut attacker = Browser::new();
    let form = to_login_form(&gateway, &mut attacker, "/").await;
    attacker.sign_in(&form, "alice", "alice").await;
    let mut victim = Browser::new();
    victim.set_cookie("foregate", attacker.cookie("foregate").unwrap());
    let form = victim.open(&gateway.url("/oauth2/start?account=another")).await;
    victim.sign_in(&form, "testuser", "testuser").await;
    for (browser, user) in [(&attacker, "alice"), (&victim, "testuser")] {
        assert_eq!(gateway.ask_as(browser, "/").await.header("x-forwarded-user"), Some(user));
    }
    let origin = [(ORIGIN, gateway.url("").parse().unwrap())].into_iter().collect();
    attacker.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, None).await;
    assert_eq!(gateway.ask_as(&victim, "/").await.status, 200, "the sign-out of one ends the other session");
}

#[tokio::test]
async fn hostile_return_urls_end_on_the_start_page() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = to_login_form(&gateway, &mut browser, "/").await;
    browser.sign_in(&form, "testuser", "testuser").await;
    for rd in [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/%5cevil.test/../..//evil.test\t",
        "javascript:x",
    ] {
        let rd: String = form_urlencoded::byte_serialize(rd.as_bytes()).collect();
        browser.expire_sign_in_marker();
        browser.open(&gateway.url(&format!("/oauth2/start?rd={rd}"))).await;
        assert_eq!(browser.visited.last().unwrap().to_string(), gateway.url("/"), "{rd}");
    }
}

#[tokio::test]
async fn wrong_password_at_the_provider_does_not_end_the_transaction() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = to_login_form(&gateway, &mut browser, "/deep").await;
    let again = browser.sign_in(&form, "testuser", "wrong").await;
    browser.sign_in(&again, "testuser", "testuser").await;
    assert_eq!(browser.visited.last().unwrap().path(), "/deep");
}

#[tokio::test]
async fn client_authenticates_with_the_configured_method() {
    for (method, secret) in [
        ("client_secret_basic", "foregate-secret"),
        ("client_secret_post", "foregate-secret"),
        ("none", "(unset)"),
    ] {
        let mut settings = dev_provider::Settings::default();
        if method == "none" {
            settings.clients[0].secret = None;
        }
        let provider = Provider::start(settings).await;
        let more = [("provider.client_authentication", method), ("provider.client_secret", secret)];
        let gateway = Gateway::with(&provider, &more).await;
        let mut browser = Browser::new();
        let form = to_login_form(&gateway, &mut browser, "/").await;
        browser.sign_in(&form, "testuser", "testuser").await;
        assert_eq!(gateway.ask_as(&browser, "/").await.status, 200, "{method}");
    }
}

#[tokio::test]
async fn only_a_navigation_begins_a_sign_in() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    for (mode, dest) in [("cors", "empty"), ("no-cors", "image"), ("navigate", "iframe")] {
        let headers = HeaderMap::from_iter([
            ("sec-fetch-mode".parse().unwrap(), mode.parse().unwrap()),
            ("sec-fetch-dest".parse().unwrap(), dest.parse().unwrap()),
        ]);
        let page = browser.request(Method::GET, &gateway.url("/oauth2/start"), headers, None).await;
        assert_eq!(page.status, 403, "{mode} {dest}");
    }
    assert_eq!(browser.cookie_names(), Vec::<&str>::new());
}

/// The user entered the password while the gateway restarted. Real time: the provider answers after the response has
/// arrived, and before the gateway stops waiting. On a slow machine, the response arrives later and waits less.
#[tokio::test]
async fn response_just_after_a_restart_waits_for_the_metadata() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
    let fault = async { provider.hold("discovery-slow-first-byte".parse().unwrap()) };
    let gateway = gateway.restart_at_once(&usual_settings(&provider), fault).await;
    let metadata = async {
        until("the provider redirected the user", async || provider.observed().login == 1).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        provider.release_all();
    };
    let (page, ()) = tokio::join!(browser.sign_in(&form, "testuser", "testuser"), metadata);
    assert_eq!(page.url.path(), "/deep", "{} {}", page.status, page.body);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
}
