//! Do sessions stay fresh with providers that end everything at the first refresh token that comes twice?
//!
//! The scripts of open pages ask all the time, twenty at once for each page. `FOREGATE_REFRESH_LONG` (tests/refresh)
//! makes of each test the long form.

mod faults;
mod idle;
mod keycloak;
mod oidc_provider;
mod stopped;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Cookies, Crowd, POLLERS, Place, Polls, Realm, Stage, person, user};

/// How much is asked.
#[derive(Clone, Copy)]
struct Form {
    pages: usize,
    /// Of an access token, in seconds.
    life: u64,
    /// How long the pages ask, in seconds.
    seconds: u64,
    /// Between two questions of one script.
    pause: Duration,
}

impl Form {
    fn asked_for() -> Self {
        match std::env::var_os("FOREGATE_REFRESH_LONG") {
            Some(_) => Self { pages: 20, life: 20, seconds: 200, pause: Duration::from_secs(2) },
            None => Self { pages: 4, life: 10, seconds: 22, pause: Duration::from_millis(500) },
        }
    }

    /// So many exchanges are possible for a session in that time, when none begins before 60 % of a token's life.
    fn most(self, took: Duration) -> usize {
        usize::try_from(took.as_secs() * 10 / (self.life * 6)).unwrap() + 1
    }

    /// So many there are at least: a token is renewed before its life ends.
    fn least(self) -> usize {
        usize::try_from(self.seconds / self.life).unwrap()
    }
}

/// A realm whose refresh tokens are good for one use, with so many people.
fn strict(realm: &mut Value, people: usize, life: u64) {
    realm["accessTokenLifespan"] = life.into();
    realm["revokeRefreshToken"] = true.into();
    realm["refreshTokenMaxReuse"] = json!(0);
    realm["users"] = (0..people).map(|number| user(&person(number), &["/dev"])).collect();
}

/// Such a realm, the gateway, and a Traefik that delivers cookies or does not.
async fn open(cookies: Cookies, people: usize, life: u64) -> Stage<Realm> {
    let place = Place::new();
    let realm = Realm::new(&place.origin, |realm| strict(realm, people, life)).await;
    let registration = realm.registration();
    Stage::raise(place, realm, &registration, cookies).await
}

/// The pages ask for as long as the form says.
async fn polled<P>(stage: &Stage<P>, form: Form, cookies: Cookies) -> Polls {
    let mut crowd = Crowd::open(stage, form.pages).await;
    let values = |crowd: &Crowd| -> Vec<Vec<String>> {
        let callers = crowd.tabs.iter().map(|tab| tab.caller());
        callers.map(|caller| caller.session_values().into_iter().map(str::to_owned).collect()).collect()
    };
    let first = values(&crowd);
    crowd.poll(form.pause);
    tokio::time::sleep(Duration::from_secs(form.seconds)).await;
    let last = values(&crowd);
    let polls = crowd.end().await;
    for (first, last) in first.iter().zip(&last).filter(|_| polls.failures.is_empty()) {
        assert_eq!(first == last, cookies == Cookies::Dropped, "is this {cookies:?}?");
    }
    polls
}

/// How often something happened in each session.
fn by_session(sessions: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for session in sessions {
        *counts.entry(session.as_str()).or_default() += 1;
    }
    counts
}

/// What the provider says about it afterwards.
struct Record {
    /// Whose session was renewed, once for each time.
    renewals: Vec<String>,
    /// How often a refresh token was refused.
    refused: usize,
    /// How often somebody came back with a code.
    codes: usize,
}

/// NoProvider noticed: every poll passed, no token came twice, nobody went through the provider again, and nobody asked it
/// more often than due.
fn judge(form: Form, cookies: Cookies, polls: &Polls, record: &Record, log: &str) {
    let Record { renewals, refused, codes } = record;
    let each = by_session(renewals);
    let (fewest, most) = (each.values().min().unwrap_or(&0), each.values().max().unwrap_or(&0));
    println!(
        "{cookies:?}: {} sessions x {POLLERS} pollers, tokens of {} s, {} s: {} polls, {} failed; {} exchanges, \
         {fewest} to {most} a session (at most {}), {refused} refused; {codes} sign-ins",
        form.pages,
        form.life,
        polls.took.as_secs(),
        polls.asked,
        polls.failures.len(),
        renewals.len(),
        form.most(polls.took),
    );
    assert!(polls.failures.is_empty(), "{:#?}\n{log}", polls.failures);
    assert_eq!((*refused, *codes, each.len()), (0, form.pages, form.pages), "{each:?}\n{log}");
    let right = form.least()..=form.most(polls.took);
    assert!(each.values().all(|renewals| right.contains(renewals)), "{right:?} {each:?}");
}
