//! A signed-in user, and polls of a page's scripts

use std::time::Duration;

use dev_provider::Settings;
use futures_util::future::join_all;
use reqwest::Client;

use crate::harness::{Asked, Browser, Gateway, KEY, Provider, until};

/// How long the tokens live, in seconds. The clock stands still unless a test moves it.
pub(crate) const LIFE: u64 = 100;
/// Past 75 % of their life: the tokens are due, and still valid.
pub(crate) const DUE: Duration = Duration::from_secs(76);
/// Past their end.
pub(crate) const EXPIRED: Duration = Duration::from_secs(101);
/// From [`DUE`] past their end.
pub(crate) const DUE_TO_EXPIRED: Duration = Duration::from_secs(25);
/// Between two polls of a page.
const STEP: Duration = Duration::from_secs(2);

pub(crate) async fn short_lived() -> Provider {
    let settings = Settings { access_token_life: Duration::from_secs(LIFE), ..Settings::default() };
    Provider::start(settings).await
}

pub(crate) fn usual(provider: &Provider) -> [(&str, &str); 4] {
    [
        ("provider.issuer", provider.issuer()),
        ("provider.client_id", "foregate"),
        ("provider.client_secret", "foregate-secret"),
        ("session.keys", KEY),
    ]
}

pub(crate) async fn signed_in(gateway: &Gateway) -> Browser {
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
    let browser = signed_in(&gateway).await;
    (provider, gateway, browser)
}

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}

/// The answer to a script of the page.
pub(crate) async fn poll(gateway: &Gateway, browser: &Browser) -> Asked {
    poll_by(&client(), gateway, browser).await
}

/// The same by a client that keeps its connections, as a proxy does.
pub(crate) async fn poll_by(client: &Client, gateway: &Gateway, browser: &Browser) -> Asked {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (reqwest::header::COOKIE, value)));
    let url = format!("http://{}/check/traefik", gateway.check);
    let reply = client.get(url).headers(question).send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Asked { status, headers, body: reply.text().await.unwrap() }
}

/// The value of a counter, named with its labels.
pub(crate) async fn counter(gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.ops("/metrics").await.body;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// How many checks have waited for a refresh.
pub(crate) async fn waited(gateway: &Gateway) -> u64 {
    counter(gateway, "foregate_checks_waited_total{dialect=\"traefik\"}").await
}

/// Waits until this many refreshes have ended with this outcome, and the gateway has acted on it.
pub(crate) async fn until_refreshes(gateway: &Gateway, outcome: &str, count: u64) {
    let name = format!("foregate_refreshes_total{{outcome=\"{outcome}\"}}");
    until(&format!("{name} is {count}"), async || counter(gateway, &name).await == count).await;
}

/// Waits until the provider has received this many token requests: the first of them was the sign-in.
pub(crate) async fn until_token_requests(provider: &Provider, count: u64) {
    until(&format!("{count} token requests"), async || provider.observed().token == count).await;
}

/// Polls in rounds between which time passes, twenty at once, as the scripts of a page do; every poll must pass.
pub(crate) async fn polled(
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
                    browser.keep_of(&answer.headers);
                }
            }
        }
        provider.clock.advance(STEP);
    }
}

/// Lets the tokens become due, polls until the new cookie comes, and presents it.
pub(crate) async fn refreshed(provider: &Provider, gateway: &Gateway, browser: &mut Browser) {
    provider.clock.advance(DUE);
    until("an answer brings the new cookie", async || {
        let answer = poll(gateway, browser).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser.keep_of(&answer.headers);
        answer.headers.contains_key("set-cookie")
    })
    .await;
    let presented = poll(gateway, browser).await;
    assert_eq!((presented.status, presented.headers.contains_key("set-cookie")), (200, false));
}
