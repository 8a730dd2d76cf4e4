//! Checks of Envoy over HTTP
//!
//! The client's path and query follow the path of the check.

use reqwest::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::harness::{Browser, Gateway, HttpReply, provider};

const HEADERS_TO_REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// Sends the check of a navigation, as Envoy does for a request with this path.
async fn check(gateway: &Gateway, browser: Option<&Browser>, path: &str, more: &[(&str, &str)]) -> HttpReply {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(&gateway.public.to_string()).unwrap());
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    for (name, value) in navigation.iter().chain(more) {
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers.extend(browser.and_then(Browser::cookie_header).map(|value| (COOKIE, value)));
    gateway.ask_at(path, headers).await
}

fn removed_names(reply: &HttpReply) -> Vec<String> {
    let lines = reply.headers.get_all(HEADERS_TO_REMOVE).iter();
    lines.flat_map(|line| line.to_str().unwrap().split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn anonymous_navigation_returns_to_the_appended_path_and_query() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for (path, target) in [
        ("/check/envoy/pods?a=b&c=%2F", "%2Fpods%3Fa%3Db%26c%3D%252F"),
        ("/check/envoy/", "%2F"),
        ("/check/envoy", "%2F"),
        ("/check/envoy/policy/x/envoy/y", "%2Fpolicy%2Fx%2Fenvoy%2Fy"),
    ] {
        let reply = check(&gateway, None, path, &[]).await;
        assert_eq!(reply.status, 302, "{path}");
        let location = reply.header("location").unwrap();
        assert!(location.ends_with(target), "{path}: {location}");
    }
}

#[tokio::test]
async fn allowed_request_gets_identity_and_names_what_envoy_removes() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;

    let reply = check(&gateway, Some(&browser), "/check/envoy/pods", &[]).await;

    assert_eq!((reply.status, reply.header("x-forwarded-user")), (200, Some("testuser")));
    let removed = removed_names(&reply);
    for name in
        ["content-length", "set-cookie", "x_forwarded_user", "x-forwarded.id~token", "impersonate-user"]
    {
        assert!(removed.iter().any(|removed| removed == name), "{name}: {removed:?}");
    }
    assert!(!reply.header("cookie").unwrap_or_default().contains("foregate="), "{:?}", reply.headers);
    // Envoy removes after it sets.
    for set in ["x-forwarded-user", "x-forwarded-group", "x-forwarded-email", "x-forwarded-id-token"] {
        assert!(!removed.iter().any(|removed| removed == set), "{set}: {removed:?}");
    }
    for absent in ["cache-control", "vary", "content-type", "www-authenticate"] {
        assert_eq!(reply.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn appended_path_cannot_select_another_policy() {
    let provider = provider().await;
    let gateway = Gateway::with(
        &provider,
        &[("policies.default.allowed_groups", "ops"), ("policies.open.allowed_groups", "dev")],
    )
    .await;
    let browser = gateway.signed_in_browser("alice").await;
    assert_eq!(check(&gateway, Some(&browser), "/check/policy/open/envoy/x", &[]).await.status, 200);
    for path in ["/check/envoy/policy/open/envoy/x", "/check/envoy/x", "/check/envoy//policy/open/envoy/x"] {
        assert_eq!(check(&gateway, Some(&browser), path, &[]).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn unknown_host_and_alias_are_refused_despite_a_session() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = gateway.signed_in_browser("testuser").await;
    let evil_host = check(&gateway, Some(&browser), "/check/envoy/x", &[("host", "evil.test")]).await;
    assert_eq!((evil_host.status, evil_host.header("x-forwarded-user")), (403, None));
    let alias = check(&gateway, Some(&browser), "/check/envoy/x", &[("x_forwarded_user", "evil")]).await;
    assert_eq!((alias.status, alias.header("x-forwarded-user")), (400, None));
}
