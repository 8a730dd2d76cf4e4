//! Invalid, repeated and oversized session cookies

use reqwest::header::{COOKIE, HeaderMap, HeaderValue};

use crate::harness::{Browser, Gateway, HttpReply, Provider, provider};

async fn ask(gateway: &Gateway, cookie: &str, mode: &str) -> HttpReply {
    let mut headers = gateway.question("/deep");
    headers.insert("sec-fetch-mode", mode.parse().unwrap());
    headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
    gateway.ask(headers).await
}

fn comparable(reply: &HttpReply) -> (u16, String, Vec<(String, String)>) {
    let text = |headers: &HeaderMap| {
        let pairs = headers.iter().filter(|(name, _)| !["content-length", "date"].contains(&name.as_str()));
        // The time at which a reload is counted differs between answers.
        let without_time = |value: &str| match value.strip_prefix("foregate-reloads=1.") {
            Some(rest) => rest.trim_start_matches(|byte: char| byte.is_ascii_digit()).to_owned(),
            None => value.to_owned(),
        };
        pairs.map(|(name, value)| (name.to_string(), without_time(value.to_str().unwrap()))).collect()
    };
    // Each reply has a request id of its own.
    let (body, _) = reply.body.split_once("\"request_id\"").unwrap_or((&reply.body, ""));
    (reply.status, body.to_owned(), text(&reply.headers))
}

#[tokio::test]
async fn each_invalid_cookie_gets_the_same_challenge() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let good = browser.cookie("foregate").unwrap().to_owned();
    let other =
        Gateway::with(&provider, &[("session.keys", "0Sgl3a5Aa_JzYV3YAUcZ1cHYNEsbC37kHEDoDyhoSzc")]).await;
    let mut other_browser = Browser::new();
    let form = other_browser.open(&other.url("/oauth2/start")).await;
    other_browser.sign_in(&form, "testuser", "testuser").await;
    let other_value = other_browser.cookie("foregate").unwrap();
    let mut flipped = good.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let faults = [
        format!("foregate={other_value}"),
        format!("foregate={}", &good[..good.len() - 1]),
        format!("foregate={}", &good[..good.len() - 4]),
        format!("foregate={flipped}"),
        format!("foregate={good}{good}"),
        format!("foregate={}", "A".repeat(9000)),
        format!("foregate={good}; foregate={good}"),
        format!("foregate=; foregate={good}"),
        format!("foregate=\"{good}\""),
        "foregate=".to_owned(),
        "foregate".to_owned(),
        "foregate=%00%0d%0a".to_owned(),
        format!("Foregate={good}"),
        format!("__Host-foregate={good}"),
        format!("foregate-1={good}"),
        "theme=dark".to_owned(),
    ];
    assert_eq!(ask(&gateway, &format!("foregate={good}"), "navigate").await.status, 200);
    let navigation = comparable(&ask(&gateway, "a=b", "navigate").await);
    let script = comparable(&ask(&gateway, "a=b", "cors").await);
    assert_eq!((navigation.0, script.0), (302, 401));
    for fault in faults {
        assert_eq!(comparable(&ask(&gateway, &fault, "navigate").await), navigation, "{fault}");
        assert_eq!(comparable(&ask(&gateway, &fault, "cors").await), script, "{fault}");
    }
}

#[tokio::test]
async fn thousand_cookies_and_an_oversized_cookie_never_pass() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let many: Vec<String> = (0..1000).map(|index| format!("foregate-{index}=x")).collect();
    let reply = ask(&gateway, &many.join("; "), "navigate").await;
    assert_eq!(reply.status, 302);
    let huge = "x".repeat(40_000);
    assert_eq!(ask(&gateway, &format!("foregate={huge}"), "navigate").await.status, 431);
}

#[tokio::test]
async fn large_session_uses_several_cookies_and_a_small_one_removes_them() {
    let mut settings = dev_provider::Settings::default();
    settings.users[0].groups = (0..250).map(|index| format!("team-project-{index:03}")).collect();
    let provider = Provider::start(settings).await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let parts = browser.cookie_names().iter().filter(|name| name.starts_with("foregate")).count();
    assert!((2..=4).contains(&parts), "{parts}");
    let passed = gateway.ask_as(&browser, "/").await;
    assert_eq!(passed.header("x-forwarded-group").unwrap().split(',').count(), 250);

    let mut alice = Browser::new();
    alice.open(&gateway.url("/oauth2/start")).await;
    for name in ["foregate", "foregate-1"] {
        alice.set_cookie(name, browser.cookie(name).unwrap());
    }
    let form = alice.open(&gateway.url("/oauth2/start")).await;
    alice.sign_in(&form, "alice", "alice").await;
    assert_eq!(alice.cookie("foregate-1"), None);
    assert_eq!(gateway.ask_as(&alice, "/").await.header("x-forwarded-user"), Some("alice"));
}

#[tokio::test]
async fn session_too_large_for_a_browser_is_refused_with_a_page() {
    let mut settings = dev_provider::Settings::default();
    settings.users[0].groups = (0..900).map(|index| format!("team-project-{index:03}")).collect();
    let provider = Provider::start(settings).await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("too large") && !page.body.contains("groups"), "{}", page.body);
    assert_eq!(browser.cookie("foregate"), None);
}

#[tokio::test]
async fn navigation_with_expired_tokens_is_redirected() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    let life = dev_provider::Settings::default().access_token_life;
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
    provider.clock.advance(life);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 302);
}
