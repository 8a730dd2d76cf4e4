//! Refreshes of sessions, seen from outside
//!
//! The provider is strict: if a refresh token is sent a second time, it ends everything that its sign-in issued.

mod faults;
mod response_members;
pub(crate) mod scene;

use foregate::flow::ports::Clock;
use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::ORIGIN;

use self::scene::{
    DUE, EXPIRED, client, poll, poll_rounds, scene, short_lived, signed_in_browser, until_refreshes,
    until_token_requests, waited_checks,
};
use crate::harness::{Application, Browser, Gateway, until};

#[tokio::test]
async fn twenty_pollers_of_four_sessions_never_fail_and_no_token_is_sent_twice() {
    for delivered in [true, false] {
        let provider = short_lived().await;
        let gateway = Gateway::start(&provider).await;
        let mut browsers = Vec::new();
        for _ in 0..4 {
            browsers.push(signed_in_browser(&gateway).await);
        }
        let begun = provider.clock.now();
        poll_rounds(&provider, &gateway, &mut browsers, 90, delivered).await;
        let observed = provider.observed();
        assert_eq!((observed.reuse_violations, observed.token_refused), (0, 0), "{observed:?}");
        // Tokens of 100 seconds are due after 60 at the earliest.
        let most = 4 * (provider.clock.now().seconds_since(begun) / 60);
        assert!((8..=most).contains(&observed.refresh), "delivered: {delivered} {observed:?}");
        assert_eq!(observed.login, 4);
        let metrics = gateway.ops("/metrics").await.body;
        let dropped = metrics.contains("foregate_rotation_not_delivered_total{dialect=\"traefik\"} 0");
        assert_eq!(dropped, delivered, "{metrics}");
    }
}

#[tokio::test]
async fn repeated_refresh_page_shows_that_the_check_lacks_the_cookie() {
    let (_provider, gateway, mut browser) = scene().await;
    browser.expire_sign_in_marker();
    let url = gateway.url("/oauth2/refresh?rd=/pods");
    let statuses =
        [browser.go(&url).await.status, browser.go(&url).await.status, browser.go(&url).await.status];
    assert_eq!(statuses, [302, 302, 409]);
    browser.expire_sign_in_marker();
    assert_eq!(browser.go(&url).await.location(), gateway.url("/pods"));
}

#[tokio::test]
async fn refresh_without_a_session_or_by_a_script_is_refused() {
    let (_provider, gateway, browser) = scene().await;
    let mut anonymous = Browser::new();
    let page = anonymous.go(&gateway.url("/oauth2/refresh?rd=/pods")).await;
    assert!(page.location().contains("/oauth2/start?rd="), "{}", page.location());
    let other_origin = anonymous.go(&gateway.url("/oauth2/refresh?rd=https://evil.example/")).await;
    assert!(!other_origin.location().contains("evil"), "{}", other_origin.location());
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    let script = script.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let mut browser = browser;
    let headers = reqwest::header::HeaderMap::from_iter(script);
    let page = browser.request(Method::GET, &gateway.url("/oauth2/refresh"), headers, None).await;
    assert_eq!(page.status, 403);
    let twice = browser.go(&gateway.url("/oauth2/refresh?rd=/a&rd=/b")).await;
    assert_eq!(twice.status, 400);
}

#[tokio::test]
async fn page_with_expired_tokens_needs_one_redirect_and_no_sign_in() {
    let (provider, gateway, mut browser) = scene().await;
    provider.clock.advance(EXPIRED);
    let page = gateway.ask_as(&browser, "/pods?namespace=dev").await;
    let to = page.header("location").unwrap().to_owned();
    assert!(page.status == 302 && to.contains("/oauth2/refresh?rd="), "{} {to}", page.status);
    let back = browser.go(&to).await;
    assert_eq!((back.status, back.location()), (302, &*gateway.url("/pods?namespace=dev")));
    assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200);
    assert_eq!((provider.observed().refresh, provider.observed().login), (1, 1));
}

#[tokio::test]
async fn user_with_expired_tokens_is_known_and_signs_out_with_id_token_hint() {
    let (provider, gateway, mut browser) = scene().await;
    provider.clock.advance(EXPIRED);
    let who = browser.go(&gateway.url("/oauth2/userinfo")).await;
    assert!(who.status == 200 && who.body.contains("testuser"), "{} {}", who.status, who.body);
    assert_eq!(provider.observed().refresh, 1);
    provider.clock.advance(EXPIRED);
    let origin = [(ORIGIN, gateway.url("").parse().unwrap())].into_iter().collect();
    let out = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, None).await;
    assert!(out.location().contains("&id_token_hint=ey"), "{} {}", out.status, out.location());
}

#[tokio::test]
async fn scripts_with_expired_tokens_wait_for_one_exchange_and_all_pass() {
    let (provider, gateway, browser) = scene().await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    provider.clock.advance(EXPIRED);
    let polls = join_all((0..20).map(|_| poll(&gateway, &browser)));
    let release = async {
        until_token_requests(&provider, 2).await;
        provider.release_all();
    };
    let (answers, ()) = tokio::join!(polls, release);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| answer.headers.contains_key("set-cookie")));
    // A check that arrives after the end of the exchange does not wait.
    let waited = waited_checks(&gateway).await;
    assert!((1..=20).contains(&waited), "{waited}");
    let observed = provider.observed();
    assert_eq!((observed.refresh, observed.reuse_violations, observed.login), (1, 0, 1));
}

/// A shared cache in front of the proxy may store an image for all users, together with its cookie.
#[tokio::test]
async fn new_cookie_is_not_set_on_responses_that_shared_caches_store() {
    let provider = short_lived().await;
    let public = [("public_paths.open.paths", "/open/")];
    let gateway = Gateway::with(&provider, &public).await;
    let browser = signed_in_browser(&gateway).await;
    provider.clock.advance(DUE);
    poll(&gateway, &browser).await;
    until_refreshes(&gateway, "renewed", 1).await;
    for (path, dest, delivered) in [
        ("/x", "empty", true),
        ("/logo.png", "image", false),
        ("/app.js", "script", false),
        ("/worker.js", "sharedworker", false),
        ("/data.json", "json", false),
        ("/later", "of-a-later-browser", false),
        ("/open/x", "empty", false),
    ] {
        let mut question = gateway.question(path);
        question.insert("sec-fetch-mode", "cors".parse().unwrap());
        question.insert("sec-fetch-dest", dest.parse().unwrap());
        question.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
        let answer = gateway.ask(question).await;
        assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (200, delivered), "{path}");
    }
}

#[tokio::test]
async fn own_proxy_marks_an_answer_with_a_new_cookie_as_private() {
    let (provider, application) = (short_lived().await, Application::start().await);
    let gateway = Gateway::with(&provider, &[("upstream.url", &application.url())]).await;
    let browser = signed_in_browser(&gateway).await;
    let (client, cookie) = (client(), browser.cookie_header().unwrap());
    let get = async |path: &str| {
        let request = client.get(gateway.url(path)).header("sec-fetch-dest", "empty");
        let answer = request.header("cookie", &cookie).send().await.unwrap();
        let control = answer.headers().get_all("cache-control").iter();
        let control: Vec<String> = control.map(|line| line.to_str().unwrap().to_owned()).collect();
        (answer.headers().contains_key("set-cookie"), control)
    };
    assert_eq!(get("/x").await, (false, vec![]));
    provider.clock.advance(DUE);
    let private = (true, vec!["private".to_owned()]);
    until("an answer carries the new cookie", async || get("/x").await == private).await;
    let kept = vec!["no-transform".to_owned(), "max-age=60, S-MaxAge=600".to_owned()];
    assert_eq!(get("/kept").await, (false, kept));
    assert_eq!(get("/x").await, private, "the next answer has the cookie");
}

/// A check waits five seconds of real time. The provider answers only after all checks have been answered.
#[tokio::test]
async fn scripts_with_expired_tokens_and_slow_provider_get_503_retry_after() {
    let (provider, gateway, mut browser) = scene().await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    provider.clock.advance(EXPIRED);
    for answer in join_all((0..3).map(|_| poll(&gateway, &browser))).await {
        let reply = (answer.status, answer.header("retry-after").is_some(), answer.header("x-reload"));
        assert_eq!(reply, (503, true, None), "{}", answer.body);
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let signed_out = browser.go(&gateway.url("/oauth2/signed_out")).await;
    assert!(signed_out.body.contains("<form"), "a refreshable session still exists: {}", signed_out.body);
    provider.release_all();
    until_refreshes(&gateway, "renewed", 1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    assert_eq!((provider.observed().reuse_violations, provider.observed().login), (0, 1));
}

#[tokio::test]
async fn check_with_valid_tokens_never_waits_for_a_slow_provider() {
    let (provider, gateway, mut browser) = scene().await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    provider.clock.advance(DUE);
    for _ in 0..5 {
        assert_eq!(poll(&gateway, &browser).await.status, 200);
    }
    until_token_requests(&provider, 2).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200, "the exchange runs, and the check does not wait");
    provider.release_all();
    until_refreshes(&gateway, "renewed", 1).await;
    poll_rounds(&provider, &gateway, std::slice::from_mut(&mut browser), 10, true).await;
    assert_eq!(provider.observed().reuse_violations, 0);
    assert_eq!(waited_checks(&gateway).await, 0);
}
