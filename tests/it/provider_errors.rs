//! Errors of the provider: who must act, what the page says, and what is repeated at once

use reqwest::Method;

use crate::harness::{Browser, Gateway, provider, sign_in_with_faults};
use crate::refresh::scene::{DUE, DUE_TO_EXPIRED, poll, scene, until_refreshes};

async fn count_of(gateway: &Gateway, outcome: &str) -> u64 {
    let metrics = gateway.ops("/metrics").await.body;
    let series = format!("foregate_logins_total{{outcome=\"{outcome}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn error_about_the_client_is_called_a_mistake_of_the_set_up() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for fault in [
        "authorization-error-invalid-scope",
        "authorization-error-unauthorized-client",
        "authorization-error-invalid-client",
        "authorization-error-invalid-request",
        "token-error-invalid-scope",
        "token-error-unauthorized-client",
        "token-error-unauthorized-client-401",
        "token-error-invalid-client-long",
        "token-error-invalid-request",
    ] {
        let count = count_of(&gateway, "configuration").await;
        let (browser, page) = sign_in_with_faults(&provider, &gateway, &[fault]).await;
        assert_eq!((page.status, browser.cookie("foregate")), (403, None), "{fault}");
        assert!(page.body.contains("not set up for this sign-in service"), "{fault}: {}", page.body);
        assert!(!page.body.contains("not available"), "{fault}: {}", page.body);
        assert_eq!(count_of(&gateway, "configuration").await, count + 1, "{fault}");
    }
}

#[tokio::test]
async fn error_of_the_provider_itself_is_called_an_outage() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    for fault in [
        "authorization-error-server-error",
        "authorization-error-temporarily-unavailable",
        "token-error-temporarily-unavailable",
        "token-error-temporarily-unavailable-503",
    ] {
        let (_, page) = sign_in_with_faults(&provider, &gateway, &[fault]).await;
        assert_eq!(page.status, 503, "{fault}");
        assert!(page.body.contains("sign-in service is not available"), "{fault}: {}", page.body);
    }
    let (_, page) = sign_in_with_faults(&provider, &gateway, &["authorization-error-access-denied"]).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("or you cancelled it"), "{}", page.body);
}

#[tokio::test]
async fn expired_sign_in_page_is_repeated_without_a_click_but_not_endlessly() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let (browser, page) =
        sign_in_with_faults(&provider, &gateway, &["authorization-error-authentication-expired"]).await;
    assert_eq!((page.status, page.url.path()), (404, "/deep"), "{}", page.body);
    assert_eq!(gateway.ask_as(&browser, "/deep").await.status, 200);
    assert_eq!(count_of(&gateway, "repeated").await, 1);

    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
    provider.hold("authorization-error-authentication-expired".parse().unwrap());
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!((page.status, browser.cookie("foregate")), (503, None), "{}", page.body);
    assert_eq!(count_of(&gateway, "repeated").await, 3);
    assert_eq!(count_of(&gateway, "provider_unavailable").await, 1);
}

#[tokio::test]
async fn error_without_state_begins_no_session_and_is_counted() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let (browser, page) =
        sign_in_with_faults(&provider, &gateway, &["authorization-access-denied-no-state"]).await;
    assert_eq!((page.status, browser.cookie("foregate")), (400, None));
    assert_eq!(count_of(&gateway, "unknown_state").await, 1);
}

#[tokio::test]
async fn response_in_a_form_gets_a_page_that_names_the_response_mode() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let url = gateway.url("/oauth2/callback");
    let page = browser.request(Method::POST, &url, reqwest::header::HeaderMap::new(), None).await;
    assert_eq!((page.status, page.headers["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    assert!(page.body.contains("response_mode=form_post"), "{}", page.body);
    let counts = [count_of(&gateway, "form_post").await, count_of(&gateway, "configuration").await];
    assert_eq!(counts, [1, 0], "any client can send a form");
}

#[tokio::test]
async fn client_that_is_refused_during_a_session_is_not_called_an_outage() {
    let (provider, gateway, mut browser) = scene().await;
    provider.hold_at_refresh("token-error-invalid-client".parse().unwrap());
    provider.clock.advance(DUE);
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    until_refreshes(&gateway, "client_refused", 1).await;
    provider.clock.advance(DUE_TO_EXPIRED);
    assert_eq!(poll(&gateway, &browser).await.status, 503, "the session has not ended");
    let page = browser.go(&gateway.url("/oauth2/refresh?rd=/")).await;
    assert_eq!(page.status, 503);
    assert!(page.body.contains("The sign-in service refuses this gateway"), "{}", page.body);

    provider.release_all();
    provider.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(browser.go(&gateway.url("/oauth2/refresh?rd=/")).await.status, 302);
    assert_eq!(poll(&gateway, &browser).await.status, 200);
}
