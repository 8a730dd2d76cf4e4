//! The gateway's own pages

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::harness::{Browser, Gateway, provider};

fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn sign_out_asks_first_and_only_a_post_ends_the_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = gateway.signed_in_browser("testuser").await;
    let page = browser.go(&gateway.url("/oauth2/sign_out")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("id=\"sign-out\"") && page.body.contains("testuser"));
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200, "a GET changes nothing");

    let own = fields(&[("origin", &gateway.url("")), ("sec-fetch-site", "same-origin")]);
    let done = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), own, None).await;
    assert_eq!(done.status, 303);
    assert_eq!(browser.cookie("foregate"), None);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 302);
}

#[tokio::test]
async fn cross_origin_post_cannot_sign_a_user_out() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = gateway.signed_in_browser("testuser").await;
    for forged in [
        &[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let page =
            browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), fields(forged), None).await;
        assert_eq!(page.status, 403, "{forged:?}");
        assert_eq!(page.headers["cache-control"], "no-store", "{forged:?}");
    }
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
}

#[tokio::test]
async fn userinfo_shows_the_user_and_no_token() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = gateway.signed_in_browser("testuser").await;
    let page = browser.go(&gateway.url("/oauth2/userinfo")).await;
    let userinfo: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(userinfo["user"], "testuser");
    assert_eq!(userinfo["groups"], serde_json::json!(["dev", "ops"]));
    assert!(userinfo["ends_at"].as_u64() > userinfo["signed_in_at"].as_u64());
    let token = gateway.ask_as(&browser, "/").await.header("x-forwarded-id-token").unwrap().to_owned();
    for part in token.split('.') {
        assert!(!page.body.contains(part));
    }
    assert_eq!(Browser::new().go(&gateway.url("/oauth2/userinfo")).await.status, 401);
}

#[tokio::test]
async fn sign_in_page_is_shown_if_it_is_configured() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("sign_in.page", "true")]).await;
    let mut browser = Browser::new();
    let reply = gateway.ask_as(&browser, "/deep").await;
    let page = browser.open(reply.header("location").unwrap()).await;
    assert_eq!((page.status, page.url.path()), (200, "/oauth2/sign_in"));
    assert!(page.body.contains("/oauth2/start?rd="));
}

#[tokio::test]
async fn every_page_has_security_headers_and_no_script() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = gateway.signed_in_browser("testuser").await;
    for path in [
        "/oauth2/sign_in",
        "/oauth2/sign_in?form=not_sent&rd=%22%3E%3Cscript%3E",
        "/oauth2/sign_out",
        "/oauth2/signed_out?state=%3Cscript%3E",
        "/oauth2/callback?state=%3Cscript%3Ealert(1)%3C/script%3E",
        "/oauth2/callback?state=1&state=%3Cscript%3E",
        "/oauth2/start?rd=1&rd=2",
        "/oauth2/none",
        "/nothing",
    ] {
        let page = browser.go(&gateway.url(path)).await;
        let header = |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{path}");
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"), "{path}");
        assert!(!page.body.contains("<script"), "{path}");
    }
}

#[tokio::test]
async fn host_that_is_not_configured_gets_no_page() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    for host in ["evil.test", "127.0.0.1.evil.test", ""] {
        let mut headers = fields(&[]);
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        let page = browser.request(Method::GET, &gateway.url("/oauth2/start"), headers, None).await;
        assert_eq!(page.status, 403, "{host}");
    }
    assert_eq!(provider.authorization_requests().len(), 0);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let own = || fields(&[("origin", &gateway.url("")), ("sec-fetch-site", "same-origin")]);
    for (method, path) in [
        (Method::POST, "start"),
        (Method::POST, "callback"),
        (Method::DELETE, "sign_out"),
        (Method::POST, "signed_out"),
        (Method::PUT, "userinfo"),
    ] {
        let page =
            browser.request(method.clone(), &gateway.url(&format!("/oauth2/{path}")), own(), None).await;
        assert_eq!(page.status, 405, "{method} {path}");
    }
}
