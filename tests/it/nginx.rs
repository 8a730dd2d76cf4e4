//! Checks of nginx
//!
//! The first check gets a status that nginx understands. The second one gets the reply for the client.

use reqwest::header::{COOKIE, HeaderMap, HeaderName};

use crate::harness::{Browser, Gateway, HttpReply, KEY, Process, get_with, provider, real_time_provider};

const CHECK: &str = "/check/nginx";
const REFUSAL: &str = "/check/nginx-refusal";

/// Sends a check of a navigation, as nginx does with the documented file.
async fn ask(gateway: &Gateway, browser: Option<&Browser>, path: &str, more: &[(&str, &str)]) -> HttpReply {
    let mut headers = HeaderMap::new();
    let url = gateway.url("/pods?a=b");
    let always = [
        ("x-original-method", "GET"),
        ("x-original-url", &url),
        ("x-forwarded-for", "203.0.113.9"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    for (name, value) in always.iter().chain(more) {
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers.extend(browser.and_then(Browser::cookie_header).map(|value| (COOKIE, value)));
    gateway.ask_at(path, headers).await
}

#[tokio::test]
async fn anonymous_navigation_is_401_for_nginx_and_a_redirect_for_the_client() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for (method, status) in [("GET", 302), ("HEAD", 302), ("POST", 303)] {
        let more = [("x-original-method", method)];
        let check = ask(&gateway, None, CHECK, &more).await;
        assert_eq!((check.status, check.header("location")), (401, None), "{method}");
        let refusal = ask(&gateway, None, REFUSAL, &more).await;
        assert_eq!(refusal.status, status, "{method}");
        assert_eq!(check.header("x-sign-in"), refusal.header("location"), "{method}");
    }
    let check = ask(&gateway, None, CHECK, &[]).await;
    assert!(check.header("x-sign-in").unwrap().ends_with("%2Fpods%3Fa%3Db"), "{:?}", check.headers);
}

#[tokio::test]
async fn script_without_session_gets_401_and_x_reload_without_a_sign_in_url() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    for path in [CHECK, REFUSAL] {
        let reply = ask(&gateway, None, path, &script).await;
        assert_eq!((reply.status, reply.header("x-reload")), (401, Some("reload")), "{path}");
        assert_eq!(reply.header("x-sign-in"), None, "{path}");
    }
}

#[tokio::test]
async fn allowed_request_gets_identity_and_its_second_check_gets_503_without_identity() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;

    let check = ask(&gateway, Some(&browser), CHECK, &[]).await;
    assert_eq!((check.status, check.header("x-forwarded-user")), (200, Some("testuser")));

    let refusal = ask(&gateway, Some(&browser), REFUSAL, &[]).await;
    assert_eq!((refusal.status, refusal.header("x-forwarded-user")), (503, None));
    assert_eq!(refusal.header("x-forwarded-id-token"), None);
    assert!(refusal.header("retry-after").is_some());
}

#[tokio::test]
async fn second_check_that_would_allow_is_logged_with_its_cause() {
    let provider = real_time_provider().await;
    let settings = [
        ("provider.client_secret", "foregate-secret"),
        ("session.keys", KEY),
        ("policies.default.allowed_groups", "ops"),
        ("policies.open.allowed_groups", "dev"),
    ];
    let process = Process::start(provider.issuer(), &[], &settings).await;
    let mut browser = Browser::new();
    let public = format!("http://127.0.0.1:{}", process.public);
    let form = browser.open(&format!("{public}/oauth2/start")).await;
    browser.sign_in(&form, "alice", "alice").await;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-original-method", "GET"),
        ("x-original-url", &*format!("{public}/")),
        ("x-forwarded-for", "203.0.113.9"),
    ] {
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    // The lines of the file name different policies.
    let ask = async |path: &str| {
        get_with(&format!("http://127.0.0.1:{}{path}", process.check), headers.clone()).await
    };
    assert_eq!(ask(CHECK).await.status, 403);
    assert_eq!(ask("/check/policy/open/nginx-refusal").await.status, 503);
    let log = process.log();
    let line = log.lines().find(|line| line.contains("both must name the same policy"));
    assert!(line.is_some_and(|line| line.contains("open")), "{log}");
}

#[tokio::test]
async fn denied_user_gets_a_page_at_the_second_check() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("policies.default.allowed_groups", "ops")]).await;
    let browser = gateway.signed_in_browser("alice").await;
    assert_eq!(ask(&gateway, Some(&browser), CHECK, &[]).await.status, 403);
    let page = ask(&gateway, Some(&browser), REFUSAL, &[]).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("alice"), "{}", page.body);
}

#[tokio::test]
async fn field_that_nginx_cannot_remove_is_refused() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;
    for name in ["impersonate-user", "impersonate-extra-scopes", "x-auth-request-user", "remote-user"] {
        let more = [(name, "evil")];
        assert_eq!(ask(&gateway, Some(&browser), CHECK, &more).await.status, 403, "{name}");
        let refusal = ask(&gateway, Some(&browser), REFUSAL, &more).await;
        assert_eq!(refusal.status, 400, "{name}");
    }
    // With a dialect that removes such fields, the request passes.
    let mut headers = gateway.question("/pods");
    headers.insert("impersonate-user", "evil".parse().unwrap());
    headers.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    assert_eq!(gateway.ask(headers).await.status, 200);
}

#[tokio::test]
async fn check_without_exactly_one_usable_url_is_refused_despite_a_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;
    for url in ["/pods", "https://evil.test/pods", "https://", "javascript:alert(1)"] {
        let reply = ask(&gateway, Some(&browser), CHECK, &[("x-original-url", url)]).await;
        assert_eq!(reply.status, 403, "{url}");
    }
    let mut headers = HeaderMap::new();
    for url in [gateway.url("/a"), gateway.url("/b")] {
        headers.append("x-original-url", url.parse().unwrap());
    }
    headers.insert("x-original-method", "GET".parse().unwrap());
    headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
    headers.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    let reply = gateway.ask_at(REFUSAL, headers).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("x-original-url came more than once"), "{}", reply.body);
}

#[tokio::test]
async fn forwarded_fields_of_a_client_have_no_effect() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let forged = [
        ("x-forwarded-uri", "/oauth2/sign_in"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-proto", "http"),
    ];
    let reply = ask(&gateway, None, CHECK, &forged).await;
    assert!(reply.header("x-sign-in").unwrap().ends_with("%2Fpods%3Fa%3Db"), "{:?}", reply.headers);
}

/// The path of oauth2-proxy is a check only with `check.oauth2_proxy_path`.
#[tokio::test]
async fn path_of_oauth2_proxy_is_a_check_only_if_configured() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("alice").await;
    assert_eq!(ask(&gateway, Some(&browser), "/oauth2/auth", &[]).await.status, 404);

    let gateway = Gateway::with(&provider, &[("check.oauth2_proxy_path", "true")]).await;
    let browser = gateway.signed_in_browser("alice").await;
    let allowed = ask(&gateway, Some(&browser), "/oauth2/auth", &[]).await;
    assert_eq!((allowed.status, allowed.header("x-forwarded-user")), (200, Some("alice")));
    assert_eq!(ask(&gateway, None, "/oauth2/auth", &[]).await.status, 401);
    for path in ["/oauth2/auth/", "/oauth2/authx", "/oauth2/%61uth", "/oauth2//auth"] {
        assert_eq!(ask(&gateway, Some(&browser), path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn query_of_oauth2_proxy_only_narrows_the_default_policy() {
    let provider = provider().await;
    let settings = [("check.oauth2_proxy_path", "true"), ("policies.default.allowed_groups", "dev")];
    let gateway = Gateway::with(&provider, &settings).await;
    let (alice, both) =
        (gateway.signed_in_browser("alice").await, gateway.signed_in_browser("testuser").await);
    for (query, of_alice, of_both) in [
        ("", 200, 200),
        ("?", 200, 200),
        ("?allowed_groups=ops", 403, 200),
        ("?allowed_groups=ops,dev", 200, 200),
        ("?allowed_emails=testuser@example.com", 403, 200),
        ("?allowed_groups=ops&allowed_groups=dev", 403, 403),
        ("?allowed_groups=", 403, 403),
        ("?allowed_group=dev", 403, 403),
    ] {
        let path = format!("/oauth2/auth{query}");
        assert_eq!(ask(&gateway, Some(&alice), &path, &[]).await.status, of_alice, "{query}");
        assert_eq!(ask(&gateway, Some(&both), &path, &[]).await.status, of_both, "{query}");
    }
    // A setup that moves to another path keeps its conditions.
    for path in ["/check/nginx?allowed_groups=ops", "/check/nginx?allowed_group=dev"] {
        assert_eq!(ask(&gateway, Some(&alice), path, &[]).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn client_cannot_request_the_check_at_the_path_of_oauth2_proxy() {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, &[("check.oauth2_proxy_path", "true")]).await;
    let browser = gateway.signed_in_browser("alice").await;
    let more = [("x-original-url", &*gateway.url("/oauth2/auth?a=b"))];
    let reply = ask(&gateway, Some(&browser), "/oauth2/auth", &more).await;
    assert_eq!((reply.status, reply.header("x-forwarded-id-token")), (403, None));
}
