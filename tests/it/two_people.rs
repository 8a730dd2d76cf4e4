//! Does anybody ever see somebody else's identity?

use std::sync::Arc;
use std::time::Duration;

use dev_provider::{Settings, User};
use reqwest::header::COOKIE;
use tokio::task::JoinSet;

use crate::harness::{Asked, Browser, Gateway};

const PEOPLE: usize = 24;
const EVENTS: u64 = 1000;

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

/// Polls on, with one session that lives by renewals and another that begins anew again and again.
async fn live(gateway: Arc<Gateway>, number: usize) {
    let (mut kept, mut renewed) = (Browser::new(), Browser::new());
    sign_in(&gateway, &mut kept, number).await;
    loop {
        sign_in(&gateway, &mut renewed, number).await;
        is_of(&poll(&gateway, &renewed).await, number);
        let answer = poll(&gateway, &kept).await;
        is_of(&answer, number);
        // Half of the proxies drop cookies.
        if number.is_multiple_of(2) {
            kept.keep_of(&answer.headers);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_interleaved_sign_ins_and_renewals_mix_nobody_up() {
    let settings = Settings::default();
    let users = people(settings.users.first().unwrap());
    let life = Duration::from_secs(4);
    let provider =
        dev_provider::start(Settings { users, access_token_life: life, ..settings }).await.unwrap();
    let gateway = Arc::new(Gateway::start(&provider).await);
    let mut lives = JoinSet::new();
    for number in 0..PEOPLE {
        lives.spawn(live(Arc::clone(&gateway), number));
    }
    for _ in 0..3000 {
        assert!(lives.try_join_next().is_none(), "somebody was taken for another, or for nobody");
        let observed = provider.observed();
        if observed.code_exchange + observed.refresh >= EVENTS && observed.refresh >= EVENTS / 10 {
            assert_eq!(observed.reuse_violations, 0, "{observed:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", provider.observed());
}
