//! Do sessions stay fresh, and is nobody logged out by it?
//!
//! The provider is strict: a refresh token that comes a second time ends all that came from its sign-in.

mod faults;

use std::time::Duration;

use dev_provider::{LoggedOut, Observed, Settings};
use foregate::flow::ports::Clock;
use foregate::server::SystemClock;
use futures_util::future::join_all;
use reqwest::header::ORIGIN;
use reqwest::{Client, Method};

use crate::harness::{Application, Asked, Browser, DevProvider, Gateway, KEY};

/// Tokens live four seconds, and are renewed after two or three.
const SHORT: u64 = 4;
/// Where the tokens must still be good when they are due, on a slow machine too: due after seven to nine seconds.
const LONG: u64 = 12;

async fn short_lived(life: u64) -> DevProvider {
    let settings = Settings { access_token_life: Duration::from_secs(life), ..Settings::default() };
    dev_provider::start(settings).await.unwrap()
}

fn usual(provider: &DevProvider) -> [(&str, &str); 4] {
    [
        ("provider.issuer", provider.issuer()),
        ("provider.client_id", "foregate"),
        ("provider.client_secret", "foregate-secret"),
        ("session.keys", KEY),
    ]
}

async fn signed_in(gateway: &Gateway) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    browser
}

async fn scene(life: u64) -> (DevProvider, Gateway, Browser) {
    scene_with(life, &[]).await
}

async fn scene_with(life: u64, settings: &[(&str, &str)]) -> (DevProvider, Gateway, Browser) {
    let provider = short_lived(life).await;
    let gateway = Gateway::with(provider.issuer(), settings).await;
    let browser = signed_in(&gateway).await;
    (provider, gateway, browser)
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// What a script of the page is answered.
async fn poll(gateway: &Gateway, browser: &Browser) -> Asked {
    poll_by(&client(), gateway, browser).await
}

/// The same by a client that keeps its connections, as a proxy does.
async fn poll_by(client: &Client, gateway: &Gateway, browser: &Browser) -> Asked {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
    let url = format!("http://{}/check/traefik", gateway.check);
    let reply = client.get(url).headers(question).send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Asked { status, headers, body: reply.text().await.unwrap() }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Until the provider has been asked so often; at most ten seconds.
async fn until(provider: &DevProvider, what: impl Fn(&Observed) -> bool) {
    for _ in 0..200 {
        if what(&provider.observed()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", provider.observed());
}

/// How many checks have waited for a renewal.
async fn waited(gateway: &Gateway) -> u64 {
    let metrics = gateway.ops("/metrics").await.body;
    let line =
        metrics.lines().find(|line| line.starts_with("foregate_checks_waited_total{dialect=\"traefik\"}"));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// Polls for some seconds, twenty at once, as the scripts of a page do; every poll must pass.
async fn polled(gateway: &Gateway, browsers: &mut [Browser], times: usize, delivered: bool) {
    let client = client();
    for _ in 0..times {
        for browser in browsers.iter_mut() {
            let answers = join_all((0..20).map(|_| poll_by(&client, gateway, browser))).await;
            for answer in answers {
                assert_eq!(answer.status, 200, "{:?} {}", answer.headers, answer.body);
                assert_eq!(answer.header("x-forwarded-user"), Some("testuser"));
                if delivered {
                    browser.keep_of(&answer.headers);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn twenty_pollers_of_each_of_four_sessions_never_fail_and_no_token_is_sent_twice() {
    for delivered in [true, false] {
        let provider = short_lived(SHORT).await;
        let gateway = Gateway::start(&provider).await;
        let mut browsers = Vec::new();
        for _ in 0..4 {
            browsers.push(signed_in(&gateway).await);
        }
        let begun = SystemClock.now();
        polled(&gateway, &mut browsers, 60, delivered).await;
        let observed = provider.observed();
        assert_eq!((observed.reuse_violations, observed.token_refused), (0, 0), "{observed:?}");
        let most = 4 * (SystemClock.now().seconds_since(begun) / 2 + 1);
        assert!((8..=most).contains(&observed.refresh), "delivered: {delivered} {observed:?}");
        assert_eq!(observed.login, 4);
        let metrics = gateway.ops("/metrics").await.body;
        let dropped = metrics.contains("foregate_rotation_not_delivered_total{dialect=\"traefik\"} 0");
        assert_eq!(dropped, delivered, "{metrics}");
    }
}

#[tokio::test]
async fn a_page_that_is_renewed_again_and_again_is_told_that_the_check_does_not_see_it() {
    let (_provider, gateway, mut browser) = scene(LONG).await;
    browser.wait_a_little();
    let url = gateway.url("/oauth2/refresh?rd=/pods");
    let statuses =
        [browser.go(&url).await.status, browser.go(&url).await.status, browser.go(&url).await.status];
    assert_eq!(statuses, [302, 302, 409]);
    browser.wait_a_little();
    assert_eq!(browser.go(&url).await.location(), gateway.url("/pods"));
}

#[tokio::test]
async fn nobody_is_renewed_who_has_no_session_or_no_page() {
    let (_provider, gateway, browser) = scene(LONG).await;
    let mut nobody = Browser::new();
    let page = nobody.go(&gateway.url("/oauth2/refresh?rd=/pods")).await;
    assert!(page.location().contains("/oauth2/start?rd="), "{}", page.location());
    let elsewhere = nobody.go(&gateway.url("/oauth2/refresh?rd=https://evil.example/")).await;
    assert!(!elsewhere.location().contains("evil"), "{}", elsewhere.location());
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
async fn a_page_that_comes_too_late_is_renewed_on_the_way_and_nobody_signs_in() {
    let (provider, gateway, mut browser) = scene(SHORT).await;
    seconds(5).await;
    let page = gateway.ask_as(&browser, "/pods?namespace=dev").await;
    let to = page.header("location").unwrap().to_owned();
    assert!(page.status == 302 && to.contains("/oauth2/refresh?rd="), "{} {to}", page.status);
    let back = browser.go(&to).await;
    assert_eq!((back.status, back.location()), (302, &*gateway.url("/pods?namespace=dev")));
    assert_eq!(gateway.ask_as(&browser, "/pods").await.status, 200);
    assert_eq!((provider.observed().refresh, provider.observed().login), (1, 1));
}

#[tokio::test]
async fn whoever_comes_too_late_is_still_known_and_signs_out_by_name() {
    let (provider, gateway, mut browser) = scene(SHORT).await;
    seconds(5).await;
    let who = browser.go(&gateway.url("/oauth2/userinfo")).await;
    assert!(who.status == 200 && who.body.contains("testuser"), "{} {}", who.status, who.body);
    assert_eq!(provider.observed().refresh, 1);
    seconds(5).await;
    let origin = [(ORIGIN, gateway.url("").parse().unwrap())].into_iter().collect();
    let out = browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, None).await;
    assert!(out.location().contains("&id_token_hint=ey"), "{} {}", out.status, out.location());
}

#[tokio::test]
async fn scripts_that_come_too_late_wait_for_one_exchange_and_all_pass() {
    let (provider, gateway, browser) = scene(SHORT).await;
    seconds(5).await;
    let answers = join_all((0..20).map(|_| poll(&gateway, &browser))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| answer.headers.contains_key("set-cookie")));
    assert_eq!(waited(&gateway).await, 20);
    let observed = provider.observed();
    assert_eq!((observed.refresh, observed.reuse_violations, observed.login), (1, 0, 1));
}

/// A cache in front of the proxy may keep an image for everybody, and a cookie with it.
#[tokio::test]
async fn a_new_cookie_comes_with_no_answer_that_caches_keep_for_everybody() {
    let provider = short_lived(SHORT).await;
    let public = [("public_paths.open.paths", "/open/")];
    let gateway = Gateway::with(provider.issuer(), &public).await;
    let browser = signed_in(&gateway).await;
    seconds(3).await;
    poll(&gateway, &browser).await;
    until(&provider, |observed| observed.refresh == 1).await;
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
        let mut answer = gateway.ask(question.clone()).await;
        for _ in 0..20 {
            if !delivered || answer.headers.contains_key("set-cookie") {
                break;
            }
            seconds(0).await;
            answer = gateway.ask(question.clone()).await;
        }
        assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (200, delivered), "{path}");
    }
}

#[tokio::test]
async fn our_own_proxy_says_of_an_answer_with_a_new_cookie_that_it_is_for_one_browser() {
    let (provider, application) = (short_lived(SHORT).await, Application::start().await);
    let gateway = Gateway::with(provider.issuer(), &[("upstream.url", &application.url())]).await;
    let browser = signed_in(&gateway).await;
    let (client, cookie) = (client(), browser.cookie_header().unwrap());
    let get = async |path: &str| {
        let request = client.get(gateway.url(path)).header("sec-fetch-dest", "empty");
        let answer = request.header("cookie", &cookie).send().await.unwrap();
        let control = answer.headers().get_all("cache-control").iter();
        let control: Vec<String> = control.map(|line| line.to_str().unwrap().to_owned()).collect();
        (answer.headers().contains_key("set-cookie"), control)
    };
    assert_eq!(get("/x").await, (false, vec![]));
    seconds(3).await;
    let private = (true, vec!["private".to_owned()]);
    for _ in 0..100 {
        if get("/x").await == private {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kept = vec!["no-transform".to_owned(), "max-age=60, S-MaxAge=600".to_owned()];
    assert_eq!(get("/kept").await, (false, kept));
    assert_eq!(get("/x").await, private, "the next one has it");
}

#[tokio::test]
async fn scripts_that_come_too_late_for_a_provider_that_is_slow_are_told_to_come_again() {
    let (provider, gateway, mut browser) = scene(SHORT).await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    seconds(5).await;
    for answer in join_all((0..3).map(|_| poll(&gateway, &browser))).await {
        let told = (answer.status, answer.header("retry-after").is_some(), answer.header("x-reload"));
        assert_eq!(told, (503, true, None), "{}", answer.body);
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let farewell = browser.go(&gateway.url("/oauth2/signed_out")).await;
    assert!(farewell.body.contains("<form"), "whoever can be renewed is still signed in: {}", farewell.body);
    provider.release_all();
    until(&provider, |observed| observed.refresh == 1).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200);
    assert_eq!((provider.observed().reuse_violations, provider.observed().login), (0, 1));
}

#[tokio::test]
async fn while_the_tokens_are_good_nobody_waits_for_a_slow_provider() {
    let (provider, gateway, mut browser) = scene(LONG).await;
    provider.hold("token-slow-first-byte".parse().unwrap());
    seconds(9).await;
    for _ in 0..5 {
        assert_eq!(poll(&gateway, &browser).await.status, 200);
    }
    until(&provider, |observed| observed.token == 2).await;
    assert_eq!(poll(&gateway, &browser).await.status, 200, "the exchange runs, and nobody waits for it");
    provider.release_all();
    until(&provider, |observed| observed.refresh == 1).await;
    polled(&gateway, std::slice::from_mut(&mut browser), 10, true).await;
    assert_eq!(provider.observed().reuse_violations, 0);
    assert_eq!(waited(&gateway).await, 0);
}
