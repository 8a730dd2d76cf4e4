//! `/oauth2/sessions`: users see their own sessions, and end others of them

use std::time::Duration;

use dev_provider::{Fault, Settings};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};

use crate::file_store::{SessionFile, start};
use crate::harness::{Browser, Gateway, Page, Provider, provider};
use crate::refresh::scene::counter;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                      Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
/// The user must have authenticated less than this time ago.
const RECENT: Duration = Duration::from_mins(10);

fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

async fn scene(name: &str) -> (Provider, Gateway) {
    // The tokens live longer than an authentication is recent.
    let life = RECENT * 2;
    let settings = Settings { access_token_life: life, id_token_life: life, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let gateway = start(&provider, &SessionFile::new(name)).await;
    (provider, gateway)
}

async fn sign_in(gateway: &Gateway, user: &str, agent: &str, address: &str) -> Browser {
    let mut browser = Browser::new();
    browser.fields = fields(&[("user-agent", agent), ("x-forwarded-for", address)]);
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, user, user).await;
    browser
}

async fn list(gateway: &Gateway, browser: &mut Browser) -> Page {
    browser.go(&gateway.url("/oauth2/sessions")).await
}

/// Presses a button of the page.
async fn end(gateway: &Gateway, browser: &mut Browser, which: &str) -> Page {
    let own = fields(&[("origin", &gateway.url("")), ("sec-fetch-site", "same-origin")]);
    let form = [("end", which)];
    browser.request(Method::POST, &gateway.url("/oauth2/sessions"), own, Some(&form)).await
}

/// Returns the ids in the buttons of a page.
fn ids(page: &Page) -> Vec<String> {
    let buttons = page.body.split("name=\"end\" value=\"").skip(1);
    let ids = buttons.map(|rest| rest.split('"').next().unwrap().to_owned());
    ids.filter(|id| id != "others").collect()
}

async fn is_signed_in(gateway: &Gateway, browser: &Browser) -> bool {
    gateway.ask_as(browser, "/").await.status == 200
}

#[tokio::test]
async fn list_shows_the_sessions_of_the_user_only() {
    let (_provider, gateway) = scene("list").await;
    let mut first = sign_in(&gateway, "alice", FIREFOX, "203.0.113.9").await;
    let hostile = "<script>alert(1)</script> Chrome/1 Android";
    let _second = sign_in(&gateway, "alice", hostile, "2001:db8::1").await;
    let mut bob = sign_in(&gateway, "bob", SAFARI, "198.51.100.7").await;

    let page = list(&gateway, &mut first).await;
    assert_eq!((page.status, page.body.matches("</li>").count()), (200, 2), "{}", page.body);
    let (own, other) = page.body.split_once("</li>").unwrap();
    assert!(own.contains("Firefox on Linux") && own.contains("203.0.113.9") && own.contains("This browser"));
    assert!(
        other.contains("Chrome on Android")
            && other.contains("2001:db8::1")
            && !other.contains("This browser")
    );
    assert!(!page.body.contains("script") && !page.body.contains("198.51.100.7"), "{}", page.body);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self';"), "{policy}");
    let page = list(&gateway, &mut bob).await;
    assert!(
        page.body.contains("Safari on iPhone") && page.body.contains("id=\"no-others\""),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn ended_session_is_challenged_at_its_next_check() {
    let (_provider, gateway) = scene("end").await;
    let mut own = sign_in(&gateway, "alice", FIREFOX, "203.0.113.9").await;
    let others = [
        sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await,
        sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await,
    ];
    let bob = sign_in(&gateway, "bob", SAFARI, "203.0.113.9").await;
    for other in &others {
        assert!(is_signed_in(&gateway, other).await);
    }
    let chosen = ids(&list(&gateway, &mut own).await);
    assert_eq!(chosen.len(), 2);

    let page = end(&gateway, &mut own, &chosen[0]).await;
    assert_eq!((page.status, page.location()), (303, &*gateway.url("/oauth2/sessions")));
    let mut left = Vec::new();
    for other in &others {
        left.push(is_signed_in(&gateway, other).await);
    }
    left.sort_unstable();
    assert_eq!(left, [false, true]);

    end(&gateway, &mut own, "others").await;
    for other in &others {
        assert_eq!(gateway.ask_as(other, "/").await.status, 302);
    }
    assert!(is_signed_in(&gateway, &own).await);
    assert!(is_signed_in(&gateway, &bob).await);
    assert!(list(&gateway, &mut own).await.body.contains("id=\"no-others\""));
    assert_eq!(counter(&gateway, "foregate_sign_outs_total").await, 2);
}

#[tokio::test]
async fn post_of_another_origin_ends_nothing() {
    let (_provider, gateway) = scene("foreign").await;
    let mut own = sign_in(&gateway, "alice", FIREFOX, "203.0.113.9").await;
    let other = sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await;
    for forged in [
        &[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let (url, form) = (gateway.url("/oauth2/sessions"), [("end", "others")]);
        let page = own.request(Method::POST, &url, fields(forged), Some(&form)).await;
        assert_eq!(page.status, 403, "{forged:?}");
    }
    for query in ["?end=others", "?end=others&signed_in=again"] {
        own.go(&gateway.url(&format!("/oauth2/sessions{query}"))).await;
    }
    assert!(is_signed_in(&gateway, &other).await);
}

#[tokio::test]
async fn id_of_another_user_or_session_ends_nothing() {
    let (_provider, gateway) = scene("ids").await;
    let mut own = sign_in(&gateway, "alice", FIREFOX, "203.0.113.9").await;
    let mut other = sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await;
    let mut bob = sign_in(&gateway, "bob", SAFARI, "203.0.113.9").await;
    let third = sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await;
    for id in ids(&list(&gateway, &mut own).await) {
        assert_eq!(end(&gateway, &mut bob, &id).await.status, 303);
        assert_eq!(end(&gateway, &mut other, &id).await.status, 303);
    }
    end(&gateway, &mut bob, "others").await;
    for browser in [&own, &other, &third] {
        assert!(is_signed_in(&gateway, browser).await);
    }
}

#[tokio::test]
async fn old_authentication_ends_nothing_until_the_user_signs_in_again() {
    let (provider, gateway) = scene("old").await;
    let mut own = sign_in(&gateway, "alice", FIREFOX, "203.0.113.9").await;
    let other = sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await;
    assert_eq!(ids(&list(&gateway, &mut own).await).len(), 1);
    // The provider asks again if the authentication is older than `max_age`.
    provider.clock.advance(RECENT + Duration::from_secs(1));

    let page = end(&gateway, &mut own, "others").await;
    assert_eq!((page.status, page.location()), (303, &*gateway.url("/oauth2/sessions")));
    let page = list(&gateway, &mut own).await;
    assert!(page.body.contains("id=\"sign-in-again\"") && ids(&page).is_empty(), "{}", page.body);
    assert!(is_signed_in(&gateway, &other).await);

    let link = page.body.split_once("id=\"sign-in-again\" href=\"").unwrap().1;
    let link = link.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&");
    let form = own.open(&link).await;
    let request = own.visited.iter().rfind(|url| url.path().ends_with("/authorize")).unwrap();
    assert!(request.query_pairs().any(|pair| pair == ("max_age".into(), "600".into())), "{request}");
    let page = own.sign_in(&form, "alice", "alice").await;
    assert_eq!((page.url.path(), page.status), ("/oauth2/sessions", 200));
    let id = &ids(&page)[0];
    end(&gateway, &mut own, id).await;
    assert!(!is_signed_in(&gateway, &other).await && is_signed_in(&gateway, &own).await);
}

#[tokio::test]
async fn other_origin_begins_no_sign_in_with_max_age() {
    let (_provider, gateway) = scene("start").await;
    let url = gateway.url("/oauth2/start?authenticated=recently");
    for (site, has_max_age) in [("cross-site", false), ("same-site", false), ("same-origin", true)] {
        let site = fields(&[("sec-fetch-site", site)]);
        let page = Browser::new().request(Method::GET, &url, site.clone(), None).await;
        assert_eq!(page.location().contains("max_age=600"), has_max_age, "{site:?}");
    }
}

/// The session at the provider is known, so a sign-in with `max_age` returns without a question.
#[tokio::test]
async fn sign_in_without_a_recent_auth_time_shows_why_nothing_can_be_ended() {
    for (name, fault) in [("absent", "auth-time-missing"), ("aged", "auth-time-old")] {
        let (provider, gateway) = scene(name).await;
        let mut own = sign_in(&gateway, "alice", FIREFOX, "203.0.113.9").await;
        let other = sign_in(&gateway, "alice", SAFARI, "203.0.113.9").await;
        provider.arm_all(&[fault.parse::<Fault>().unwrap()]);
        let url = "/oauth2/start?authenticated=recently&rd=/oauth2/sessions?signed_in=again";
        let page = own.open(&gateway.url(url)).await;
        assert_eq!((page.url.path(), page.status), ("/oauth2/sessions", 200), "{name}");
        assert!(page.body.contains("id=\"not-confirmed\"") && ids(&page).is_empty(), "{}", page.body);
        end(&gateway, &mut own, "others").await;
        assert!(is_signed_in(&gateway, &other).await, "{name}");

        provider.clock.advance(RECENT);
        let page = own.go(&gateway.url("/oauth2/sessions?signed_in=again")).await;
        assert!(
            page.body.contains("id=\"sign-in-again\""),
            "an old page that is loaded again: {}",
            page.body
        );
    }
}

#[tokio::test]
async fn list_without_a_session_leads_to_the_sign_in_and_back() {
    let (_provider, gateway) = scene("anonymous").await;
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/sessions")).await;
    let page = browser.sign_in(&form, "alice", "alice").await;
    assert_eq!((page.url.path(), page.status), ("/oauth2/sessions", 200));
    assert!(page.body.contains("Unknown device"), "{}", page.body);
    for form in [&[][..], &[("end", "a"), ("end", "others")]] {
        let own = fields(&[("origin", &gateway.url(""))]);
        let page = browser.request(Method::POST, &gateway.url("/oauth2/sessions"), own, Some(form)).await;
        assert_eq!(page.status, 400, "{form:?}");
    }
}

/// Chromium would block the redirect to the provider, because it follows a form.
#[tokio::test]
async fn button_without_a_session_shows_the_sign_in_and_does_not_redirect() {
    let (_provider, gateway) = scene("button").await;
    let page = end(&gateway, &mut Browser::new(), "others").await;
    assert!(page.status == 200 && page.headers.get("location").is_none(), "{}", page.body);
    assert!(
        page.body.contains("id=\"sign-in\"") && page.body.contains("%2Foauth2%2Fsessions"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn page_without_a_list_says_so() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let mut browser = gateway.signed_in_browser("alice").await;
    let page = list(&gateway, &mut browser).await;
    assert!(page.body.contains("id=\"no-list\"") && page.body.contains("/oauth2/sign_out"), "{}", page.body);
    let page = end(&gateway, &mut browser, "others").await;
    assert!(page.body.contains("id=\"no-list\""), "{}", page.body);
    assert!(is_signed_in(&gateway, &browser).await);
}
