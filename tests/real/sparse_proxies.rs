//! Proxies whose list of headers for the gateway has `Cookie` alone

use http::StatusCode;

use crate::harness::{ClientHeaders, Proxy, ProxyOptions, Setup};

/// Sends fifty navigations without a session, and returns the status of the last one and the line of the log.
async fn send_fifty(proxy: Proxy) -> (StatusCode, String) {
    let options = ProxyOptions { client_headers: ClientHeaders::OnlyCookie, ..ProxyOptions::from(proxy) };
    let mut setup = Setup::start(options).await;
    let client = setup.anonymous_client();
    let mut status = StatusCode::OK;
    for _ in 0..50 {
        status = client.get("/page", &[("Accept", "text/html")]).await.status;
    }
    let log = setup.gateway.wait_for_log("probably forwards too few headers").await;
    let line = log.lines().find(|line| line.contains("too few headers")).unwrap_or_default();
    (status, line.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_redirects_navigations_and_is_logged() {
    let (status, line) = send_fifty(Proxy::Envoy).await;
    assert_eq!(status, StatusCode::FOUND);
    assert!(line.contains("allowed_headers"), "{line}");
}

/// The same for a route of the Gateway API without `Accept` and the other entries.
#[tokio::test(flavor = "multi_thread")]
async fn cilium_redirects_navigations_and_is_logged() {
    let (status, line) = send_fifty(Proxy::CiliumHttp).await;
    assert_eq!(status, StatusCode::FOUND);
    assert!(line.contains("allowedHeaders"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_gets_401_for_navigations_and_is_logged() {
    let (status, line) = send_fifty(Proxy::Traefik).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(line.contains("authRequestHeaders"), "{line}");
}
