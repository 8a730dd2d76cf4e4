//! Sessions that the provider ends (OpenID Connect Back-Channel Logout 1.0)

use std::time::Duration;

use dev_provider::{LoggedOut, LogoutFault};
use reqwest::header::{CACHE_CONTROL, COOKIE};
use reqwest::{Client, Url};
use url::form_urlencoded::Serializer;

use crate::harness::{Asked, Browser, Gateway, Provider, provider};

const TESTUSER: &str = "00000000-0000-4000-8000-000000000001";

async fn signed_in(gateway: &Gateway, username: &str) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    browser.sign_in(&form, username, username).await;
    browser
}

async fn scene() -> (Provider, Gateway, Browser) {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let browser = signed_in(&gateway, "testuser").await;
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

async fn poll(gateway: &Gateway, browser: &Browser) -> Asked {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    gateway.ask(question).await
}

#[tokio::test]
async fn b01_an_administrator_ends_a_session_and_the_next_poll_reloads_the_page() {
    let (provider, gateway, browser) = scene().await;
    provider.send_logouts_to("foregate", &Url::parse(&gateway.url("/oauth2/backchannel-logout")).unwrap());
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    assert_eq!(provider.end_sessions("testuser").await, [Some(200)]);
    let script = poll(&gateway, &browser).await;
    assert_eq!((script.status, script.header("x-reload")), (401, Some("reload")));
    let page = gateway.ask_as(&browser, "/pods").await;
    assert!(page.header("location").unwrap().contains("/oauth2/start?rd="));
    let mut again = browser;
    again.wait_a_little();
    let form = again.open(page.header("location").unwrap()).await;
    assert!(form.body.contains("id=\"login\""), "the provider asks for the password");
    again.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(poll(&gateway, &again).await.status, 200);
}

#[tokio::test]
async fn b02_to_b23_a_token_that_breaks_a_rule_ends_nothing() {
    let (provider, gateway, browser) = scene().await;
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
async fn what_older_keycloaks_leave_out_may_be_missing() {
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
    let second = signed_in(&gateway, "testuser").await;
    assert_eq!((post(&gateway, &token).await, poll(&gateway, &second).await.status), (200, 200));
}

/// More than the 16,384 tokens that an earlier version had room for.
const FLOOD: usize = 17_000;

#[tokio::test]
async fn flood_of_logout_tokens_for_one_user_neither_ends_nor_keeps_another_session() {
    let (provider, gateway, testuser) = scene().await;
    let alice = signed_in(&gateway, "alice").await;
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
    assert_eq!(poll(&gateway, &testuser).await.status, 401, "its own marks were collapsed");
    assert_eq!(poll(&gateway, &alice).await.status, 200);
    let sid = provider.sids("alice").remove(0);
    let token = provider.logout_token("foregate", LoggedOut::Session(&sid), &[]).unwrap();
    assert_eq!((post(&gateway, &token).await, poll(&gateway, &alice).await.status), (200, 401));
}

#[tokio::test]
async fn b17_and_b18_id_tokens_and_logout_tokens_are_not_taken_for_each_other() {
    let (_, gateway, browser) = scene().await;
    let passed = poll(&gateway, &browser).await;
    assert_eq!(post(&gateway, passed.header("x-forwarded-id-token").unwrap()).await, 400);
    assert_eq!(poll(&gateway, &browser).await.status, 200);
}

#[tokio::test]
async fn b21_and_b24_nobody_of_that_name_is_a_success_and_ends_nobody_else() {
    let (provider, gateway, browser) = scene().await;
    for whom in [LoggedOut::Session("unknown"), LoggedOut::Person("unknown")] {
        let token = provider.logout_token("foregate", whom, &[]).unwrap();
        assert_eq!(post(&gateway, &token).await, 200);
    }
    assert_eq!(poll(&gateway, &browser).await.status, 200);
}

#[tokio::test]
async fn a_person_is_signed_out_everywhere_and_others_are_not() {
    let (provider, gateway, first) = scene().await;
    let second = signed_in(&gateway, "testuser").await;
    let alice = signed_in(&gateway, "alice").await;
    let token = provider.logout_token("foregate", LoggedOut::Person(TESTUSER), &[]).unwrap();
    assert_eq!(post(&gateway, &token).await, 200);
    for (browser, status) in [(&first, 401), (&second, 401), (&alice, 200)] {
        assert_eq!(poll(&gateway, browser).await.status, status);
    }
}

#[tokio::test]
async fn a_session_whose_sid_was_never_told_ends_with_its_person_and_one_with_another_sid_lives_on() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    provider.arm("sid-missing".parse().unwrap());
    let nameless = signed_in(&gateway, "testuser").await;
    let sid = provider.sids("testuser").remove(0);
    let named = signed_in(&gateway, "testuser").await;
    let token = provider.logout_token("foregate", LoggedOut::Both { sid: &sid, sub: TESTUSER }, &[]).unwrap();
    assert_eq!(post(&gateway, &token).await, 200);
    assert_eq!([poll(&gateway, &nameless).await.status, poll(&gateway, &named).await.status], [401, 200]);
}

#[tokio::test]
async fn one_session_of_a_person_ends_and_the_others_do_not() {
    let (provider, gateway, first) = scene().await;
    let sid = provider.sids("testuser").remove(0);
    let second = signed_in(&gateway, "testuser").await;
    let token = provider.logout_token("foregate", LoggedOut::Both { sid: &sid, sub: TESTUSER }, &[]).unwrap();
    assert_eq!(post(&gateway, &token).await, 200);
    assert_eq!([poll(&gateway, &first).await.status, poll(&gateway, &second).await.status], [401, 200]);
}
