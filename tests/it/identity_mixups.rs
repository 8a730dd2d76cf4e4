//! Users who are signed in at the same time, and never mistaken for each other

use std::sync::Arc;
use std::time::Duration;

use dev_provider::{Settings, User};
use reqwest::header::COOKIE;
use tokio::task::JoinSet;

use crate::harness::{Asked, Browser, Gateway, Provider};

const PEOPLE: usize = 24;
const EVENTS: u64 = 1000;
/// More than twice what the events take.
const ROUNDS: usize = 100;

/// People of whom nothing is alike.
fn people(like: &User) -> Vec<User> {
    let person = |number: usize| User {
        username: format!("person{number}"),
        password: format!("person{number}"),
        subject: format!("subject-{number}"),
        email: format!("person{number}@example.com"),
        groups: vec![format!("group-{number}")],
        ..like.clone()
    };
    (0..PEOPLE).map(person).collect()
}

async fn poll(gateway: &Gateway, browser: &Browser) -> Asked {
    let mut question = gateway.question("/api/pods");
    question.insert("sec-fetch-mode", "cors".parse().unwrap());
    question.insert("sec-fetch-dest", "empty".parse().unwrap());
    question.extend(browser.cookie_header().map(|value| (COOKIE, value)));
    gateway.ask(question).await
}

fn is_of(answer: &Asked, number: usize) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("x-forwarded-user").unwrap(), format!("person{number}"));
    assert_eq!(answer.header("x-forwarded-email").unwrap(), format!("person{number}@example.com"));
    assert_eq!(answer.header("x-forwarded-group").unwrap(), format!("group-{number}"));
    let token = answer.header("x-forwarded-id-token").unwrap();
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"].as_str().unwrap(), format!("subject-{number}"));
}

async fn sign_in(gateway: &Gateway, browser: &mut Browser, number: usize) {
    browser.wait_a_little();
    let name = format!("person{number}");
    let page = browser.open(&gateway.url("/oauth2/start?rd=/")).await;
    // Whom the provider knows comes back without a form.
    if page.body.contains("id=\"login\"") {
        browser.sign_in(&page, &name, &name).await;
    }
}

/// One session that lives by refreshes, and another that begins anew in every round.
struct Person {
    number: usize,
    kept: Browser,
    renewed: Browser,
}

impl Person {
    async fn new(gateway: &Gateway, number: usize) -> Self {
        let mut kept = Browser::new();
        sign_in(gateway, &mut kept, number).await;
        Self { number, kept, renewed: Browser::new() }
    }

    async fn round(mut self, gateway: Arc<Gateway>) -> Self {
        sign_in(&gateway, &mut self.renewed, self.number).await;
        is_of(&poll(&gateway, &self.renewed).await, self.number);
        let answer = poll(&gateway, &self.kept).await;
        is_of(&answer, self.number);
        // Half of the proxies drop cookies.
        if self.number.is_multiple_of(2) {
            self.kept.keep_of(&answer.headers);
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_interleaved_sign_ins_and_refreshes_mix_up_no_users() {
    let settings = Settings::default();
    let users = people(settings.users.first().unwrap());
    let life = Duration::from_secs(100);
    let provider = Provider::start(Settings { users, access_token_life: life, ..settings }).await;
    let gateway = Arc::new(Gateway::start(&provider).await);
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(Person::new(&gateway, number).await);
    }
    for _ in 0..ROUNDS {
        let mut round = JoinSet::new();
        for person in people.drain(..) {
            round.spawn(person.round(Arc::clone(&gateway)));
        }
        people = round.join_all().await;
        let observed = provider.observed();
        assert_eq!(observed.reuse_violations, 0, "{observed:?}");
        if observed.code_exchange + observed.refresh >= EVENTS && observed.refresh >= EVENTS / 10 {
            return;
        }
        // Due in one of five rounds, and two rounds before the tokens expire.
        provider.clock.advance(Duration::from_secs(12));
    }
    panic!("{:?}", provider.observed());
}
