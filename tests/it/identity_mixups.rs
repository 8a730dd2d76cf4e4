//! Users who are signed in at the same time, and must not be mixed up

use std::sync::Arc;
use std::time::Duration;

use dev_provider::{Settings, User};
use reqwest::header::COOKIE;
use tokio::task::JoinSet;

use crate::harness::{Browser, Gateway, HttpReply, Provider};

const USERS: usize = 24;
const EVENTS: u64 = 1000;
/// More than twice the rounds that the events need.
const ROUNDS: usize = 100;

/// Returns users that differ in every claim.
fn distinct_users(template: &User) -> Vec<User> {
    let user = |number: usize| User {
        username: format!("user{number}"),
        password: format!("user{number}"),
        subject: format!("subject-{number}"),
        email: format!("user{number}@example.com"),
        groups: vec![format!("group-{number}")],
        ..template.clone()
    };
    (0..USERS).map(user).collect()
}

async fn poll(gateway: &Gateway, browser: &Browser) -> HttpReply {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    gateway.ask(question).await
}

fn expect_identity(answer: &HttpReply, number: usize) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("x-forwarded-user").unwrap(), format!("user{number}"));
    assert_eq!(answer.header("x-forwarded-email").unwrap(), format!("user{number}@example.com"));
    assert_eq!(answer.header("x-forwarded-group").unwrap(), format!("group-{number}"));
    let token = answer.header("x-forwarded-id-token").unwrap();
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"].as_str().unwrap(), format!("subject-{number}"));
}

async fn sign_in(gateway: &Gateway, browser: &mut Browser, number: usize) {
    browser.expire_sign_in_marker();
    let name = format!("user{number}");
    let page = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    // A user with a session at the provider gets no form.
    if page.body.contains("id=\"login\"") {
        browser.sign_in(&page, &name, &name).await;
    }
}

/// A user with one session that is refreshed, and another that begins again in each round.
struct SignedInUser {
    number: usize,
    refreshed: Browser,
    restarted: Browser,
}

impl SignedInUser {
    async fn new(gateway: &Gateway, number: usize) -> Self {
        let mut refreshed = Browser::new();
        sign_in(gateway, &mut refreshed, number).await;
        Self { number, refreshed, restarted: Browser::new() }
    }

    async fn round(mut self, gateway: Arc<Gateway>) -> Self {
        sign_in(&gateway, &mut self.restarted, self.number).await;
        expect_identity(&poll(&gateway, &self.restarted).await, self.number);
        let answer = poll(&gateway, &self.refreshed).await;
        expect_identity(&answer, self.number);
        // Half of the proxies drop cookies.
        if self.number.is_multiple_of(2) {
            self.refreshed.store_cookies(&answer.headers);
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_interleaved_sign_ins_and_refreshes_mix_up_no_users() {
    let settings = Settings::default();
    let users = distinct_users(settings.users.first().unwrap());
    let life = Duration::from_secs(100);
    let provider = Provider::start(Settings { users, access_token_life: life, ..settings }).await;
    let gateway = Arc::new(Gateway::start(&provider).await);
    let mut signed_in = Vec::new();
    for number in 0..USERS {
        signed_in.push(SignedInUser::new(&gateway, number).await);
    }
    for _ in 0..ROUNDS {
        let mut round = JoinSet::new();
        for user in signed_in.drain(..) {
            round.spawn(user.round(Arc::clone(&gateway)));
        }
        signed_in = round.join_all().await;
        let observed = provider.observed();
        assert_eq!(observed.reuse_violations, 0, "{observed:?}");
        if observed.code_exchange + observed.refresh >= EVENTS && observed.refresh >= EVENTS / 10 {
            return;
        }
        // A refresh is due in one of five rounds, and two rounds before the tokens expire.
        provider.clock.advance(Duration::from_secs(12));
    }
    panic!("{:?}", provider.observed());
}
