//! Sessions that are too large, and sessions without the ID token

use reqwest::Method;
use reqwest::header::ORIGIN;

use crate::harness::{Browser, Gateway, KEY, Process};
use crate::refresh::scene::{poll, refresh_once, scene_with, short_lived, signed_in_browser};

/// A provider whose testuser has a picture of 20,000 characters.
fn settings_with_picture() -> dev_provider::Settings {
    let mut settings = dev_provider::Settings::default();
    let prefix = "data:image/png;base64,";
    let picture = format!("{prefix}{}", "A".repeat(20_000 - prefix.len()));
    settings.users[0].extra.insert("picture".to_owned(), picture.into());
    settings
}

#[tokio::test]
async fn session_too_large_is_403_and_the_log_names_the_largest_claims() {
    let provider = dev_provider::start(settings_with_picture()).await.unwrap();
    let secrets = [("provider.client_secret", "foregate-secret"), ("session.keys", KEY)];
    let process = Process::start(provider.issuer(), &[], &secrets).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("http://127.0.0.1:{}/oauth2/start", process.public)).await;

    let page = browser.sign_in(&form, "testuser", "testuser").await;

    assert_eq!((page.status, browser.cookie("foregate")), (403, None));
    assert!(page.body.contains("If you run this gateway") && !page.body.contains("groups"), "{}", page.body);
    let log = process.log();
    let line = log.lines().find(|line| line.contains("not_kept")).unwrap_or_else(|| panic!("{log}"));
    for part in ["bytes, and", "the limit is 15600", "picture 20002 bytes, ", "session.id_token = 'drop'"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("AAAA"), "no value of a claim is logged: {log}");
}

fn cookie_bytes(browser: &Browser) -> usize {
    browser.cookie_header().unwrap().len()
}

const DROP: [(&str, &str); 1] = [("session.id_token", "drop")];

#[tokio::test]
async fn session_without_id_token_is_refreshed_and_ended_like_any_other() {
    let (provider, gateway, mut browser) = scene_with(&DROP).await;
    let reply = gateway.ask_as(&browser, "/").await;
    let fields =
        ["x-forwarded-user", "x-forwarded-group", "x-forwarded-id-token"].map(|name| reply.header(name));
    assert_eq!(fields, [Some("testuser"), Some("dev,ops"), Some("")]);
    assert_eq!(reply.header("authorization"), None);

    refresh_once(&provider, &gateway, &mut browser).await;
    assert_eq!(poll(&gateway, &browser).await.header("x-forwarded-id-token"), Some(""));
    assert_eq!((provider.observed().refresh, provider.observed().login), (1, 1));

    let kept = scene_with(&[]).await.2;
    assert!(cookie_bytes(&browser) + 500 < cookie_bytes(&kept), "{}", cookie_bytes(&browser));

    let url = gateway.url("/oauth2/backchannel-logout").parse().unwrap();
    provider.send_logouts_to("foregate", &url);
    assert_eq!(provider.end_sessions("testuser").await, [Some(200)]);
    assert_eq!(poll(&gateway, &browser).await.status, 401);
}

#[tokio::test]
async fn sign_out_of_a_session_without_id_token_has_no_id_token_hint() {
    let (provider, gateway, mut browser) = scene_with(&DROP).await;
    let origin = [(ORIGIN, gateway.url("").parse().unwrap())].into_iter().collect();
    let out = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, None).await;
    let location = out.location();
    assert!(location.starts_with(&format!("{}/logout?client_id=foregate&", provider.issuer())), "{location}");
    assert!(!location.contains("id_token_hint") && location.contains("&state="), "{location}");
    assert_eq!(browser.cookie("foregate"), None);
}

#[tokio::test]
async fn session_that_is_too_large_with_its_id_token_begins_without_it() {
    let provider = crate::harness::Provider::start(settings_with_picture()).await;
    let gateway = Gateway::with(&provider, &DROP).await;
    let browser = signed_in_browser(&gateway).await;
    assert_eq!(gateway.ask_as(&browser, "/").await.header("x-forwarded-user"), Some("testuser"));
}

/// The provider and the session stay the same, and the operator changes the setting.
#[tokio::test]
async fn session_stays_valid_when_the_setting_changes() {
    let provider = short_lived().await;
    for (before, after, between, at_last) in [("keep", "drop", false, false), ("drop", "keep", false, true)] {
        let gateway = Gateway::with(&provider, &[("session.id_token", before)]).await;
        let mut browser = signed_in_browser(&gateway).await;
        let usual = crate::refresh::scene::usual_settings(&provider);
        let changed = [&usual[..], &[("session.id_token", after)]].concat();
        let gateway = gateway.restart(&changed).await;
        let has_token =
            |reply: &crate::harness::HttpReply| !reply.header("x-forwarded-id-token").unwrap().is_empty();
        let reply = poll(&gateway, &browser).await;
        assert_eq!((reply.status, has_token(&reply)), (200, between), "{before}");
        refresh_once(&provider, &gateway, &mut browser).await;
        let reply = poll(&gateway, &browser).await;
        assert_eq!((reply.status, has_token(&reply)), (200, at_last), "{before}");
        gateway.stop().await;
    }
}
