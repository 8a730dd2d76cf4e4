//! Sessions that the provider ends (OpenID Connect Back-Channel Logout 1.0)

use std::time::Duration;

use dev_provider::{LoggedOut, LogoutFault};
use reqwest::header::{CACHE_CONTROL, COOKIE};
use reqwest::{Client, Url};
use url::form_urlencoded::Serializer;

use crate::harness::{Browser, Gateway, HttpReply, Provider, provider};

const TESTUSER: &str = "00000000-0000-4000-8000-000000000001";

async fn signed_in_browser(gateway: &Gateway, username: &str) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    browser.sign_in(&form, username, username).await;
    browser
}

async fn scene() -> (Provider, Gateway, Browser) {
    scene_with(&[]).await
}

async fn scene_with(more: &[(&str, &str)]) -> (Provider, Gateway, Browser) {
    let provider = provider().await;
    let gateway = Gateway::with(&provider, more).await;
    let browser = signed_in_browser(&gateway, "testuser").await;
    (provider, gateway, browser)
}

async fn post(gateway: &Gateway, token: &str) -> u16 {
    let body = Serializer::new(String::new())
        .append_pair("ignored", "x")
        .append_pair("logout_token", token)
        .finish();
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.post(gateway.url("/oauth2/backchannel-logout")).body(body);
    let reply = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(reply.headers()[CACHE_CONTROL], "no-store");
    reply.status().as_u16()
}

async fn poll(gateway: &Gateway, browser: &Browser) -> HttpReply {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    gateway.ask(question).await
}

#[tokio::test]
async fn b01_poll_after_an_administrator_ended_the_session_reloads_the_page() {
    let (provider, gateway, browser) = scene().await;
    provider.send_logouts_to("foregate", &Url::parse(&gateway.url("/oauth2/backchannel-logout")).unwrap());
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    assert_eq!(provider.end_sessions("testuser").await, [Some(200)]);
    let script = poll(&gateway, &browser).await;
    assert_eq!((script.status, script.header("x-reload")), (401, Some("reload")));
    let page = gateway.ask_as(&browser, "/pods").await;
    assert!(page.header("location").unwrap().contains("/oauth2/start?rd="));
    let mut again = browser;
    again.expire_sign_in_marker();
    let form = again.open(page.header("location").unwrap()).await;
    assert!(form.body.contains("id=\"login\""), "the provider asks for the password");
    again.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(poll(&gateway, &again).await.status, 200);
}

#[tokio::test]
async fn b02_to_b23_invalid_logout_token_ends_no_session() {
    // Without the setting, another algorithm would use up the one fetch that the unknown key needs.
    let (provider, gateway, browser) = scene_with(&[("provider.signing_algorithms", "RS256")]).await;
    let sid = provider.sids("testuser").remove(0);
    for fault in LogoutFault::all().iter().copied() {
        let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[fault]).unwrap();
        if matches!(fault.name(), "logout-exp-missing" | "logout-typ-missing") {
            continue;
        }
        assert_eq!(post(&gateway, &token).await, 400, "{}", fault.name());
        assert_eq!(poll(&gateway, &browser).await.status, 200, "{}", fault.name());
    }
    let other = provider.logout_token("somebody-else", LoggedOut::Session(&sid), &[]).unwrap();
    assert_eq!(post(&gateway, &other).await, 400, "for another client");
    assert_eq!(poll(&gateway, &browser).await.status, 200);
}

#[tokio::test]
async fn logout_token_without_exp_or_typ_of_older_keycloaks_is_accepted() {
    for name in ["logout-exp-missing", "logout-typ-missing"] {
        let (provider, gateway, browser) = scene().await;
        let sid = provider.sids("testuser").remove(0);
        let fault = name.parse::<LogoutFault>().unwrap();
        let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[fault]).unwrap();
        assert_eq!(
            (post(&gateway, &token).await, poll(&gateway, &browser).await.status),
            (200, 401),
            "{name}"
        );
    }
}

#[tokio::test]
async fn b11_replayed_logout_token_ends_no_later_session() {
    let (provider, gateway, first) = scene().await;
    let token = provider.logout_token("foregate", LoggedOut::Person(TESTUSER), &[]).unwrap();
    assert_eq!((post(&gateway, &token).await, poll(&gateway, &first).await.status), (200, 401));
    // `iat` counts whole seconds: the next session begins in a later one.
    provider.clock.advance(Duration::from_secs(1));
    let second = signed_in_browser(&gateway, "testuser").await;
    assert_eq!((post(&gateway, &token).await, poll(&gateway, &second).await.status), (200, 200));
}

/// More than the 16,384 tokens that an earlier version could store.
const FLOOD: usize = 17_000;

#[tokio::test]
async fn flood_of_logout_tokens_for_one_user_does_not_affect_other_users() {
    let (provider, gateway, testuser) = scene().await;
    let alice = signed_in_browser(&gateway, "alice").await;
    let client = Client::builder().no_proxy().build().unwrap();
    for number in 0..FLOOD {
        let sid = format!("flood {number}");
        let whom = LoggedOut::Both { sid: &sid, sub: TESTUSER };
        let token = provider.logout_token("foregate", whom, &[]).unwrap();
        let request = client.post(gateway.url("/oauth2/backchannel-logout"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = request.body(format!("logout_token={token}")).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{number}");
    }
    assert_eq!(poll(&gateway, &testuser).await.status, 401, "the logout marks of this user were collapsed");
    assert_eq!(poll(&gateway, &alice).await.status, 200);
    let sid = provider.sids("alice").remove(0);
    let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[]).unwrap();
    assert_eq!((post(&gateway, &token).await, poll(&gateway, &alice).await.status), (200, 401));
}

#[tokio::test]
async fn b17_and_b18_id_token_is_refused_as_logout_token() {
    let (_, gateway, browser) = scene().await;
    let passed = poll(&gateway, &browser).await;
    assert_eq!(post(&gateway, passed.header("x-forwarded-id-token").unwrap()).await, 400);
    assert_eq!(poll(&gateway, &browser).await.status, 200);
}

#[tokio::test]
async fn b21_and_b24_unknown_sid_or_sub_succeeds_and_ends_no_session() {
    let (provider, gateway, browser) = scene().await;
    for whom in [LoggedOut::Session("unknown"), LoggedOut::Person("unknown")] {
        let token = provider.logout_token("foregate", whom, &[]).unwrap();
        assert_eq!(post(&gateway, &token).await, 200);
    }
    assert_eq!(poll(&gateway, &browser).await.status, 200);
}

#[tokio::test]
async fn logout_by_sub_ends_every_session_of_that_user_only() {
    let (provider, gateway, first) = scene().await;
    let second = signed_in_browser(&gateway, "testuser").await;
    let alice = signed_in_browser(&gateway, "alice").await;
    let token = provider.logout_token("foregate", LoggedOut::Person(TESTUSER), &[]).unwrap();
    assert_eq!(post(&gateway, &token).await, 200);
    for (browser, status) in [(&first, 401), (&second, 401), (&alice, 200)] {
        assert_eq!(poll(&gateway, browser).await.status, status);
    }
}

#[tokio::test]
async fn logout_by_sid_and_sub_ends_sessions_without_sid_but_not_other_sids() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    provider.arm("sid-missing".parse().unwrap());
    let nameless = signed_in_browser(&gateway, "testuser").await;
    let sid = provider.sids("testuser").remove(0);
    let named = signed_in_browser(&gateway, "testuser").await;
    let token = provider.logout_token("foregate", LoggedOut::Both { sid: &sid, sub: TESTUSER }, &[]).unwrap();
    assert_eq!(post(&gateway, &token).await, 200);
    assert_eq!([poll(&gateway, &nameless).await.status, poll(&gateway, &named).await.status], [401, 200]);
}

#[tokio::test]
async fn logout_by_sid_ends_that_session_of_the_user_only() {
    let (provider, gateway, first) = scene().await;
    let sid = provider.sids("testuser").remove(0);
    let second = signed_in_browser(&gateway, "testuser").await;
    let token = provider.logout_token("foregate", LoggedOut::Both { sid: &sid, sub: TESTUSER }, &[]).unwrap();
    assert_eq!(post(&gateway, &token).await, 200);
    assert_eq!([poll(&gateway, &first).await.status, poll(&gateway, &second).await.status], [401, 200]);
}
