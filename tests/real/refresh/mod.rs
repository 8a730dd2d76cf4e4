//! Refresh of sessions with strict providers
//!
//! 1. The providers end the whole sign-in if a refresh token arrives a second time.
//! 2. Twenty scripts of each open page poll all the time.
//! 3. With `FOREGATE_REFRESH_LONG` (tests/refresh), the tests run with more tabs for a longer time.

mod faults;
mod idle;
mod keycloak;
mod oidc_provider;
mod stopped;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Cookies, POLLERS_PER_TAB, PollResults, PollingTabs, ProxyOptions, Realm, Reserved, Setup, user, user_name,
};

/// Amount and duration of the polling.
#[derive(Clone, Copy)]
struct Load {
    tabs: usize,
    /// Lifetime of an access token, in seconds.
    token_lifetime: u64,
    /// Duration of the polling, in seconds.
    seconds: u64,
    /// Interval between two polls of one script.
    interval: Duration,
}

impl Load {
    fn from_environment() -> Self {
        match std::env::var_os("FOREGATE_REFRESH_LONG") {
            Some(_) => Self { tabs: 20, token_lifetime: 20, seconds: 200, interval: Duration::from_secs(2) },
            None => Self { tabs: 4, token_lifetime: 10, seconds: 22, interval: Duration::from_millis(500) },
        }
    }

    /// Returns the maximum number of refreshes of a session in `duration`, if none starts before 60 % of a token's
    /// life.
    fn max_refreshes(self, duration: Duration) -> usize {
        usize::try_from(duration.as_secs() * 10 / (self.token_lifetime * 6)).unwrap() + 1
    }

    /// Returns the minimum number of refreshes of a session, because a token is refreshed before it expires.
    fn min_refreshes(self) -> usize {
        usize::try_from(self.seconds / self.token_lifetime).unwrap()
    }
}

/// Configures refresh tokens that are valid for one use.
pub(crate) fn configure_strict_tokens(realm: &mut Value, token_lifetime: u64) {
    realm["accessTokenLifespan"] = token_lifetime.into();
    realm["revokeRefreshToken"] = true.into();
    realm["refreshTokenMaxReuse"] = json!(0);
}

/// Configures strict tokens and `users` users.
pub(crate) fn configure_strict_realm(realm: &mut Value, users: usize, token_lifetime: u64) {
    configure_strict_tokens(realm, token_lifetime);
    realm["users"] = (0..users).map(|number| user(&user_name(number), &["/dev"])).collect();
}

/// Starts a strict realm, the gateway, and a proxy that delivers or drops cookies.
async fn open(options: impl Into<ProxyOptions>, users: usize, token_lifetime: u64) -> Setup<Realm> {
    let reserved = Reserved::new();
    let realm =
        Realm::new(&reserved.origin, |realm| configure_strict_realm(realm, users, token_lifetime)).await;
    let registration = realm.registration();
    Setup::with_provider(reserved, realm, &registration, options).await
}

/// Polls with the tabs of `load` and checks whether their cookies changed.
async fn run_polls<P>(setup: &Setup<P>, load: Load, cookies: Cookies) -> PollResults {
    let mut polling = PollingTabs::open(setup, load.tabs).await;
    let session_values = |polling: &PollingTabs| -> Vec<Vec<String>> {
        let clients = polling.tabs.iter().map(|tab| tab.client());
        clients.map(|client| client.session_values().into_iter().map(str::to_owned).collect()).collect()
    };
    let first = session_values(&polling);
    polling.start(load.interval);
    tokio::time::sleep(Duration::from_secs(load.seconds)).await;
    let last = session_values(&polling);
    let results = polling.stop().await;
    for (first, last) in first.iter().zip(&last).filter(|_| results.failures.is_empty()) {
        assert_eq!(first == last, cookies == Cookies::Dropped, "changed cookies do not match {cookies:?}");
    }
    results
}

/// Returns the number of events per session.
fn count_by_session(sessions: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for session in sessions {
        *counts.entry(session.as_str()).or_default() += 1;
    }
    counts
}

/// The events that the provider recorded.
struct ProviderEvents {
    /// The session or user of each refresh.
    refreshes: Vec<String>,
    /// Number of refused refresh tokens.
    refused: usize,
    /// Number of codes that were exchanged.
    codes: usize,
}

/// Asserts that users noticed nothing.
///
/// 1. Every poll passed.
/// 2. No refresh token was refused.
/// 3. No user was sent through the provider again.
/// 4. Each session was refreshed as often as necessary and no more often than due.
fn assert_no_failures(
    load: Load,
    options: ProxyOptions,
    results: &PollResults,
    events: &ProviderEvents,
    log: &str,
) {
    let ProviderEvents { refreshes, refused, codes } = events;
    let per_session = count_by_session(refreshes);
    let (min, max) = (per_session.values().min().unwrap_or(&0), per_session.values().max().unwrap_or(&0));
    println!(
        "{:?}, cookies {:?}: {} sessions x {POLLERS_PER_TAB} pollers, tokens of {} s, {} s: {} polls, {} failed; {} refreshes, \
         {min} to {max} per session (at most {}), {refused} refused; {codes} sign-ins",
        options.proxy,
        options.cookies,
        load.tabs,
        load.token_lifetime,
        results.duration.as_secs(),
        results.polls,
        results.failures.len(),
        refreshes.len(),
        load.max_refreshes(results.duration),
    );
    assert!(results.failures.is_empty(), "{:#?}\n{log}", results.failures);
    assert_eq!((*refused, *codes, per_session.len()), (0, load.tabs, load.tabs), "{per_session:?}\n{log}");
    let expected = load.min_refreshes()..=load.max_refreshes(results.duration);
    assert!(
        per_session.values().all(|refreshes| expected.contains(refreshes)),
        "{expected:?} {per_session:?}"
    );
}
