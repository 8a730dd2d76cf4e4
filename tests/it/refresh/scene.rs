//! A signed-in user, and polls of a page's scripts

use std::time::Duration;

use dev_provider::Settings;
use futures_util::future::join_all;
use reqwest::Client;

use crate::harness::{Browser, Gateway, HttpReply, KEY, Provider, until};

/// Lifetime of the tokens, in seconds. Only the test advances the clock.
pub(crate) const LIFE: u64 = 100;
/// More than 75 % of the lifetime: a refresh is due, and the tokens are still valid.
pub(crate) const DUE: Duration = Duration::from_secs(76);
/// More than the lifetime: the tokens have expired.
pub(crate) const EXPIRED: Duration = Duration::from_secs(101);
/// After [`DUE`], time until the tokens have expired.
pub(crate) const DUE_TO_EXPIRED: Duration = Duration::from_secs(25);
/// Time between two polls of a page.
const STEP: Duration = Duration::from_secs(2);

pub(crate) async fn short_lived() -> Provider {
    let settings = Settings { access_token_life: Duration::from_secs(LIFE), ..Settings::default() };
    Provider::start(settings).await
}

pub(crate) fn usual_settings(provider: &Provider) -> [(&str, &str); 4] {
    [
        ("provider.issuer", provider.issuer()),
        ("provider.client_id", "foregate"),
        ("provider.client_secret", "foregate-secret"),
        ("session.keys", KEY),
    ]
}

pub(crate) async fn signed_in_browser(gateway: &Gateway) -> Browser {
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    browser
}

pub(crate) async fn scene() -> (Provider, Gateway, Browser) {
    scene_with(&[]).await
}

pub(crate) async fn scene_with(settings: &[(&str, &str)]) -> (Provider, Gateway, Browser) {
    let provider = short_lived().await;
    let gateway = Gateway::with(&provider, settings).await;
    let browser = signed_in_browser(&gateway).await;
    (provider, gateway, browser)
}

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}

/// Asks the check about a request of a script, and returns the answer.
pub(crate) async fn poll(gateway: &Gateway, browser: &Browser) -> HttpReply {
    poll_by(&client(), gateway, browser).await
}

/// The same, with a client that reuses its connections as a proxy does.
pub(crate) async fn poll_by(client: &Client, gateway: &Gateway, browser: &Browser) -> HttpReply {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
    let url = format!("http://{}/check/traefik", gateway.check);
    let reply = client.get(url).headers(question).send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    HttpReply { status, headers, body: reply.text().await.unwrap() }
}

/// Returns the value of a counter. `name` includes the labels.
pub(crate) async fn counter(gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.ops("/metrics").await.body;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// Returns how many checks have waited for a refresh.
pub(crate) async fn waited_checks(gateway: &Gateway) -> u64 {
    counter(gateway, "foregate_checks_waited_total{dialect=\"traefik\"}").await
}

/// Waits until this many refreshes have ended with this outcome, and the gateway has acted on it.
pub(crate) async fn until_refreshes(gateway: &Gateway, outcome: &str, count: u64) {
    let name = format!("foregate_refreshes_total{{outcome=\"{outcome}\"}}");
    until(&format!("{name} is {count}"), async || counter(gateway, &name).await == count).await;
}

/// Waits until the provider has received this many token requests. The first of them is that of the sign-in.
pub(crate) async fn until_token_requests(provider: &Provider, count: u64) {
    until(&format!("{count} token requests"), async || provider.observed().token == count).await;
}

/// Polls in rounds with time between them. As the scripts of a page do, twenty polls run at once. Every poll must pass.
pub(crate) async fn poll_rounds(
    provider: &Provider,
    gateway: &Gateway,
    browsers: &mut [Browser],
    rounds: usize,
    delivered: bool,
) {
    let client = client();
    for _ in 0..rounds {
        for browser in browsers.iter_mut() {
            let answers = join_all((0..20).map(|_| poll_by(&client, gateway, browser))).await;
            for answer in answers {
                assert_eq!(answer.status, 200, "{:?} {}", answer.headers, answer.body);
                assert_eq!(answer.header("x-forwarded-user"), Some("testuser"));
                if delivered {
                    browser.store_cookies(&answer.headers);
                }
            }
        }
        provider.clock.advance(STEP);
    }
}

/// Advances the clock until a refresh is due, polls until an answer has the new cookie, and presents it.
pub(crate) async fn refresh_once(provider: &Provider, gateway: &Gateway, browser: &mut Browser) {
    provider.clock.advance(DUE);
    until("an answer carries the new cookie", async || {
        let answer = poll(gateway, browser).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser.store_cookies(&answer.headers);
        answer.headers.contains_key("set-cookie")
    })
    .await;
    let presented = poll(gateway, browser).await;
    assert_eq!((presented.status, presented.headers.contains_key("set-cookie")), (200, false));
}
