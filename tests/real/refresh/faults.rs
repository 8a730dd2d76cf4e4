//! Effects of failures on pages that poll

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use foregate::flow::audit::Outcome;
use http::StatusCode;
use tokio::task::JoinSet;

use super::{count_by_session, open};
use crate::harness::{Cookies, Failure, Gateway, POLLERS_PER_TAB, PollingTabs, ReceivedRequest, Tab};

/// Lifetime of an access token, in seconds.
const TOKEN_LIFETIME: u64 = 10;
const TABS: usize = 4;
/// Interval between two polls of one script.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

async fn sleep_seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Kills the gateway when every session has been refreshed once, and restarts it at once with the same key.
///
/// 1. No request passes during the restart. Until the gateway has the provider's metadata, it may return 503 with
///    `Retry-After`.
/// 2. Each page reloads itself at most once, without a password.
/// 3. With delivered cookies, a reload has one cause: the kill interrupted a refresh, whose token is then spent.
/// 4. With dropped cookies, the cause is that only the killed process had the newest tokens. No token that may be
///    spent is sent, so Keycloak receives no token twice.
async fn restart_causes_at_most_one_reload(cookies: Cookies) {
    let mut setup = open(cookies, TABS, TOKEN_LIFETIME).await;
    let mut polling = PollingTabs::open(&setup, TABS).await;
    polling.start(POLL_INTERVAL);
    sleep_seconds(TOKEN_LIFETIME).await;
    assert_eq!(count_by_session(&setup.provider().event_sessions("REFRESH_TOKEN").await).len(), TABS);
    let killed = Instant::now();
    setup.restart_gateway().await;
    let restarted = Instant::now();
    sleep_seconds(TOKEN_LIFETIME + TOKEN_LIFETIME / 2).await;
    let tabs = polling.tabs.clone();
    let results = polling.stop().await;

    for failure in &results.failures {
        let during_restart = (killed..=restarted).contains(&failure.at) && failure.status.is_server_error();
        assert!(
            during_restart || failure.at > killed && (failure.reload_requested || failure.is_retry_later()),
            "{failure:?}"
        );
    }
    assert!(results.failed_reloads.is_empty(), "{:?}", results.failed_reloads);
    assert!(results.reloads.iter().all(|reloads| *reloads <= 1), "{:?}", results.reloads);
    for tab in &tabs {
        assert_eq!(tab.poll().await.status, StatusCode::OK);
    }
    let realm = setup.provider();
    let refused = realm.count_events("REFRESH_TOKEN_ERROR").await;
    let codes = realm.event_sessions("CODE_TO_TOKEN").await;
    println!("{cookies:?}: reloads {:?}, {} codes, {refused} refused", results.reloads, codes.len());
    assert!(count_by_session(&codes).values().all(|codes| *codes <= 2), "{codes:?}");
    assert_eq!(count_by_session(&codes).len(), TABS, "a user signed in with a password again: {codes:?}");
    match cookies {
        Cookies::Delivered => {
            assert!(refused <= results.reloads.iter().sum(), "{refused} {:?}", results.reloads);
        }
        Cookies::Dropped => assert_eq!(refused, 0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_restart_costs_each_page_at_most_one_reload_and_no_password() {
    tokio::join!(
        restart_causes_at_most_one_reload(Cookies::Delivered),
        restart_causes_at_most_one_reload(Cookies::Dropped)
    );
}

/// Adds a signing key to Keycloak while the pages poll, and removes the old key one token lifetime later.
///
/// No request fails. The gateway fetches the keys again for the first token that the new key signed.
#[tokio::test(flavor = "multi_thread")]
async fn keycloak_key_rotation_fails_no_request() {
    let setup = open(Cookies::Delivered, TABS, TOKEN_LIFETIME).await;
    let realm = setup.provider();
    let mut polling = PollingTabs::open(&setup, TABS).await;
    let signing_key_id = async |tab: &Tab| {
        serde_json::from_str::<ReceivedRequest>(&tab.poll().await.body).unwrap().signing_key_id()
    };
    let before = signing_key_id(&polling.tabs[0]).await;
    let old = realm.signing_keys().await;
    let [(_, old)] = old.as_slice() else { panic!("expected one key: {old:?}") };
    polling.start(POLL_INTERVAL);
    sleep_seconds(TOKEN_LIFETIME / 2).await;
    realm.add_signing_key(200).await;
    sleep_seconds(TOKEN_LIFETIME).await;
    realm.remove_key(old).await;
    sleep_seconds(TOKEN_LIFETIME).await;
    for tab in &polling.tabs {
        assert_ne!(signing_key_id(tab).await, before, "no token of the new key arrived");
    }
    let results = polling.stop().await;

    assert!(results.failures.is_empty(), "{:#?}\n{}", results.failures, setup.gateway.log());
    assert_eq!(
        (realm.count_events("REFRESH_TOKEN_ERROR").await, realm.count_events("LOGIN").await),
        (0, TABS)
    );
}

/// Starts scripts that abort each request after a random time of 1 to 51 ms, unless the response arrives first.
fn start_aborting_scripts(
    tabs: &[Arc<Tab>],
    stopped: &Arc<AtomicBool>,
    aborted: &Arc<AtomicUsize>,
) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for tab in tabs.iter().flat_map(|tab| std::iter::repeat_n(tab, POLLERS_PER_TAB)) {
        let (tab, stopped, aborted) = (Arc::clone(tab), Arc::clone(stopped), Arc::clone(aborted));
        running.spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let mut limit = [0];
                aws_lc_rs::rand::fill(&mut limit).unwrap();
                let limit = Duration::from_millis(1 + u64::from(limit[0]) / 5);
                if tokio::time::timeout(limit, tab.poll()).await.is_err() {
                    aborted.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        });
    }
    running
}

/// Returns the number of checks that the gateway answered with anything else than the application's response.
async fn checks_not_passed(gateway: &Gateway) -> usize {
    let mut sum = 0;
    for decision in Outcome::ALL.iter().filter(|decision| **decision != Outcome::Allow) {
        let decision = decision.label();
        let counter = format!("foregate_checks_total{{dialect=\"traefik\",decision=\"{decision}\"}}");
        sum += gateway.count(&counter).await;
    }
    sum
}

/// Returns whether Traefik answered for a client that it believed gone. The gateway never sends this status.
///
/// Measured: about one run in ten has one such response to a request that was not aborted.
fn is_closed_by_traefik(failure: &Failure) -> bool {
    failure.status.as_u16() == 499 && failure.body.is_empty() && !failure.reload_requested
}

/// Half of the scripts abort their requests at random times. All tokens have expired at the start, so the first
/// request starts a refresh.
///
/// The requests of the other scripts do not fail, because a refresh does not depend on the request that started it.
#[tokio::test(flavor = "multi_thread")]
async fn aborted_requests_do_not_affect_other_requests() {
    let setup = open(Cookies::Delivered, TABS, TOKEN_LIFETIME).await;
    let mut polling = PollingTabs::open(&setup, TABS).await;
    sleep_seconds(TOKEN_LIFETIME + 1).await;
    let before = checks_not_passed(&setup.gateway).await;
    let (stopped, aborted) = (Arc::default(), Arc::default());
    let aborting = start_aborting_scripts(&polling.tabs, &stopped, &aborted);
    polling.start(POLL_INTERVAL);
    sleep_seconds(TOKEN_LIFETIME + TOKEN_LIFETIME / 2).await;
    stopped.store(true, Ordering::Relaxed);
    aborting.join_all().await;
    let results = polling.stop().await;

    let (closed, failures): (Vec<_>, Vec<_>) =
        results.failures.iter().partition(|it| is_closed_by_traefik(it));
    assert!(failures.is_empty(), "{failures:#?}\n{}", setup.gateway.log());
    assert!(closed.len() <= 3, "{closed:#?}");
    assert_eq!(checks_not_passed(&setup.gateway).await, before, "{}", setup.gateway.log());
    setup.gateway.assert_no_failed_refresh().await;
    let aborted = aborted.load(Ordering::Relaxed);
    assert!(aborted >= TABS * POLLERS_PER_TAB, "only {aborted} requests were aborted");
    let realm = setup.provider();
    assert_eq!(
        (realm.count_events("REFRESH_TOKEN_ERROR").await, realm.count_events("LOGIN").await),
        (0, TABS)
    );
}
