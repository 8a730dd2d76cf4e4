//! Faults during a refresh, and their effect on users

use std::time::Duration;

use dev_provider::LoggedOut;
use reqwest::Method;
use reqwest::header::ORIGIN;

use super::scene::{
    DUE, DUE_TO_EXPIRED, client, poll, poll_by, poll_rounds, refresh_once, scene, scene_with, short_lived,
    signed_in_browser, until_refreshes, until_token_requests, usual_settings,
};
use crate::harness::{Gateway, until};

/// Some refreshes fail, the signing keys change, and clients disconnect. No poll fails, and no token is sent twice.
#[tokio::test]
async fn errors_new_keys_and_impatient_clients_fail_no_poll() {
    let provider = short_lived().await;
    let gateway = Gateway::start(&provider).await;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(signed_in_browser(&gateway).await);
    }
    for _ in 0..2 {
        provider.arm_at_refresh(&["token-status-500".parse().unwrap()]);
    }
    let impatient = client();
    for round in 0..22 {
        if round == 10 {
            provider.rotate_keys().await.unwrap();
        }
        for browser in &browsers {
            for milliseconds in 0..5 {
                // Real time: the client disconnects at a random point, and no assertion depends on it.
                let poll = poll_by(&impatient, &gateway, browser);
                let _gone = tokio::time::timeout(Duration::from_millis(milliseconds), poll).await;
            }
        }
        poll_rounds(&provider, &gateway, &mut browsers, 8, true).await;
    }
    let observed = provider.observed();
    assert!(observed.refresh >= 4 && observed.token >= 4 + observed.refresh + 2, "{observed:?}");
    assert_eq!((observed.reuse_violations, observed.login), (0, 4), "{observed:?}");
}

/// 429 with `Retry-After: 7`: the provider is asked again after seven seconds, and not before.
#[tokio::test]
async fn retry_after_of_the_provider_is_obeyed_and_no_poll_fails() {
    let (provider, gateway, mut browser) = scene().await;
    provider.arm_at_refresh(&["token-status-429".parse().unwrap()]);
    provider.clock.advance(DUE);
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    until_refreshes(&gateway, "provider_unavailable", 1).await;
    // After three rounds of two seconds, six seconds have passed. A poll then still causes no request.
    poll_rounds(&provider, &gateway, std::slice::from_mut(&mut browser), 3, true).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    let observed = provider.observed();
    assert_eq!((observed.token, observed.refresh), (2, 0), "one request, and no other");
    provider.clock.advance(Duration::from_secs(1));
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    until_refreshes(&gateway, "renewed", 1).await;
    poll_rounds(&provider, &gateway, std::slice::from_mut(&mut browser), 3, true).await;
    assert_eq!(provider.observed().refresh, 1);
}

#[tokio::test]
async fn outage_of_the_provider_ends_no_session() {
    let (provider, gateway, mut browser) = scene().await;
    provider.hold("token-status-503".parse().unwrap());
    provider.clock.advance(DUE);
    assert_eq!(poll(&gateway, &browser).await.status, 200, "the tokens are valid");
    until_refreshes(&gateway, "provider_unavailable", 1).await;
    provider.clock.advance(DUE_TO_EXPIRED);
    for answer in [poll(&gateway, &browser).await, gateway.ask_as(&browser, "/").await] {
        let reply = (answer.status, answer.header("retry-after").is_some(), answer.header("x-reload"));
        let page = answer.header("location").is_some_and(|to| to.contains("/oauth2/refresh"));
        assert!(page || reply == (503, true, None), "{reply:?}");
        assert!(!answer.headers.contains_key("set-cookie"), "no cookie is removed");
    }
    let page = browser.go(&gateway.url("/oauth2/refresh?rd=/pods")).await;
    assert_eq!((page.status, page.headers.contains_key("set-cookie")), (503, false));
    provider.release_all();
    // Longer than any backoff: 48 seconds for one session, and one minute for all sessions.
    provider.clock.advance(Duration::from_secs(61));
    assert_eq!(poll(&gateway, &browser).await.status, 200, "the session is refreshed");
    let observed = provider.observed();
    assert_eq!((observed.login, observed.reuse_violations), (1, 0));
}

#[tokio::test]
async fn lost_answer_of_an_exchange_costs_one_redirect_and_no_password() {
    let (provider, gateway, mut browser) = scene().await;
    provider.arm("token-closed-half-way".parse().unwrap());
    provider.clock.advance(DUE);
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    until_refreshes(&gateway, "outcome_unknown", 1).await;
    assert_eq!(provider.observed().refresh, 1, "the refresh token is spent");
    assert_eq!(poll(&gateway, &browser).await.status, 200, "until the tokens expire");
    provider.clock.advance(DUE_TO_EXPIRED);
    // Until the provider answers again, the page must not leave for it.
    until("the provider answers a load", async || poll(&gateway, &browser).await.status != 503).await;
    let script = poll(&gateway, &browser).await;
    assert_eq!((script.status, script.header("x-reload")), (401, Some("reload")));
    browser.expire_sign_in_marker();
    let page = gateway.ask_as(&browser, "/pods").await;
    browser.open(page.header("location").unwrap()).await;
    assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200);
    let observed = provider.observed();
    assert_eq!((observed.login, observed.reuse_violations), (1, 0), "{observed:?}");
}

#[tokio::test]
async fn session_that_the_provider_ended_ends_at_its_next_refresh() {
    let (provider, gateway, browser) = scene().await;
    provider.end_sessions("testuser").await;
    provider.clock.advance(DUE);
    assert_eq!(poll(&gateway, &browser).await.status, 200, "the gateway does not know yet");
    until_refreshes(&gateway, "grant_refused", 1).await;
    assert_eq!(provider.observed().token_refused, 1);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
    let page = gateway.ask_as(&browser, "/").await;
    assert!(page.header("location").unwrap().contains("/oauth2/start"));
}

#[tokio::test]
async fn another_users_tokens_end_the_session_and_a_missing_nonce_does_not() {
    let (provider, gateway, browser) = scene().await;
    provider.arm("nonce-missing".parse().unwrap());
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_refreshes(&gateway, "renewed", 1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    provider.arm("sub-changed".parse().unwrap());
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_refreshes(&gateway, "provider_misbehaved", 1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 401);
}

#[tokio::test]
async fn refresh_without_a_new_refresh_token_keeps_the_old_one() {
    let (provider, gateway, mut browser) = scene().await;
    provider.hold("token-refresh-token-missing".parse().unwrap());
    for refreshes in 1..=2 {
        refresh_once(&provider, &gateway, &mut browser).await;
        assert_eq!(provider.observed().refresh, refreshes);
    }
    assert_eq!(provider.observed().reuse_violations, 0);
}

/// The new cookie was presented before the restart. A cookie that is not yet delivered, or that a proxy drops, may cost
/// a redirect.
#[tokio::test]
async fn restart_after_the_new_cookie_was_presented_costs_nothing() {
    let (provider, gateway, mut browser) = scene().await;
    refresh_once(&provider, &gateway, &mut browser).await;
    let gateway = gateway.restart(&usual_settings(&provider)).await;
    refresh_once(&provider, &gateway, &mut browser).await;
    poll_rounds(&provider, &gateway, std::slice::from_mut(&mut browser), 25, true).await;
    let observed = provider.observed();
    assert_eq!((observed.refresh, observed.reuse_violations, observed.login), (2, 0, 1), "{observed:?}");
}

#[tokio::test]
async fn restart_before_the_new_cookie_arrived_costs_one_redirect() {
    let (provider, gateway, mut browser) = scene().await;
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_refreshes(&gateway, "renewed", 1).await;
    let gateway = gateway.restart(&usual_settings(&provider)).await;
    browser.expire_sign_in_marker();
    assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200, "the old tokens are valid");
    provider.clock.advance(DUE_TO_EXPIRED);
    let page = gateway.ask_as(&browser, "/pods").await;
    assert_eq!(page.status, 302);
    browser.open(page.header("location").unwrap()).await;
    assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200);
    let observed = provider.observed();
    assert_eq!((observed.reuse_violations, observed.login), (0, 1), "{observed:?}");
}

/// A restart costs one redirect for each session whose refresh was due when the process started, and no password. Such
/// a session was not in use, or its last refresh had not reached the browser.
#[tokio::test]
async fn restart_costs_a_redirect_for_each_session_that_was_due_and_no_other() {
    const EACH: usize = 6;
    let (provider, gateway, browser) = scene().await;
    let mut unused = vec![browser];
    while unused.len() < EACH {
        unused.push(signed_in_browser(&gateway).await);
    }
    provider.clock.advance(DUE);
    let mut active = Vec::new();
    while active.len() < EACH {
        active.push(signed_in_browser(&gateway).await);
    }
    let gateway = gateway.restart(&usual_settings(&provider)).await;
    let redirects = async |browsers: &mut [crate::harness::Browser]| {
        let mut redirects = 0;
        for browser in browsers {
            browser.expire_sign_in_marker();
            let page = gateway.ask_as(browser, "/pods").await;
            if page.status == 302 {
                redirects += 1;
                browser.open(page.header("location").unwrap()).await;
            }
            assert_eq!(gateway.ask_as(browser, "/pods").await.status, 200);
        }
        redirects
    };
    assert_eq!([redirects(&mut unused).await, redirects(&mut active).await], [0, 0], "all tokens are valid");
    provider.clock.advance(DUE_TO_EXPIRED);
    assert_eq!([redirects(&mut unused).await, redirects(&mut active).await], [EACH, 0]);
    let observed = provider.observed();
    let passwords = u64::try_from(2 * EACH).unwrap();
    assert_eq!((observed.reuse_violations, observed.login), (0, passwords), "{observed:?}");
}

/// Case B22.
#[tokio::test]
async fn logout_at_the_provider_during_a_refresh_ends_the_session_for_good() {
    let (provider, gateway, browser) = scene().await;
    let sid = provider.sids("testuser").remove(0);
    provider.hold("token-slow-first-byte".parse().unwrap());
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_token_requests(&provider, 2).await;
    let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[]).unwrap();
    let request = client().post(gateway.url("/oauth2/backchannel-logout"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.body(format!("logout_token={token}")).send().await.unwrap().status(), 200);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
    provider.release_all();
    until_refreshes(&gateway, "too_late", 1).await;
    assert_eq!(provider.observed().refresh, 1);
    assert_eq!(poll(&gateway, &browser).await.status, 401, "the new tokens are not used");
}

#[tokio::test]
async fn sign_out_during_a_refresh_ends_the_session_for_good() {
    let (provider, gateway, mut browser) = scene().await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_token_requests(&provider, 2).await;
    let before = browser.cookie("foregate").unwrap().to_owned();
    let page = browser.go(&gateway.url("/oauth2/sign_out")).await;
    assert_eq!(page.status, 200);
    let origin = reqwest::header::HeaderMap::from_iter([(ORIGIN, gateway.url("").parse().unwrap())]);
    let sent = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, Some(&[])).await;
    assert_eq!(sent.status, 303);
    browser.set_cookie("foregate", &before);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
    provider.release_all();
    until_refreshes(&gateway, "too_late", 1).await;
    assert_eq!(provider.observed().refresh, 1);
    assert_eq!(poll(&gateway, &browser).await.status, 401, "the new tokens are not used");
}

#[tokio::test]
async fn user_name_that_is_no_longer_verified_ends_the_session_at_its_refresh() {
    let (provider, gateway, browser) = scene_with(&[("claims.user", "email")]).await;
    assert_eq!(poll(&gateway, &browser).await.header("x-forwarded-user"), Some("testuser@example.com"));
    provider.arm("email-unverified".parse().unwrap());
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_refreshes(&gateway, "provider_misbehaved", 1).await;
    assert_eq!(provider.observed().refresh, 1);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
}
