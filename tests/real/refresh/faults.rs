//! What do people notice when a part fails while their pages ask?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::task::JoinSet;

use super::{by_session, open};
use crate::harness::{Cookies, Crowd, POLLERS, Seen, Tab};

/// Of an access token, in seconds.
const LIFE: u64 = 10;
const PAGES: usize = 4;
/// Between two questions of one script.
const PAUSE: Duration = Duration::from_millis(300);

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// The gateway is killed when every session has been renewed once, and is back at once with the same key.
///
/// Allowed: while it is away nothing passes, and until it knows Keycloak again it may say 503 with `Retry-After`. Each
/// page reloads itself once at most, and comes back without a password: where cookies are delivered, because the kill
/// may have hit an exchange, whose token is spent then; where they are dropped, because only the process that was
/// killed had the newest tokens. There nothing that may be spent is sent: Keycloak sees no token twice.
async fn a_restart_is_a_redirect_at_most(cookies: Cookies) {
    let mut stage = open(cookies, PAGES, LIFE).await;
    let mut crowd = Crowd::open(&stage, PAGES).await;
    crowd.poll(PAUSE);
    seconds(LIFE).await;
    assert_eq!(by_session(&stage.provider().sessions_of("REFRESH_TOKEN").await).len(), PAGES);
    let away = Instant::now();
    stage.restart_gateway().await;
    let back = Instant::now();
    seconds(LIFE + LIFE / 2).await;
    let tabs = crowd.tabs.clone();
    let polls = crowd.end().await;

    for failure in &polls.failures {
        let was_away = (away..=back).contains(&failure.at) && failure.status.is_server_error();
        assert!(was_away || failure.at > away && (failure.reload || failure.later()), "{failure:?}");
    }
    assert!(polls.lost.is_empty(), "{:?}", polls.lost);
    assert!(polls.reloads.iter().all(|reloads| *reloads <= 1), "{:?}", polls.reloads);
    for tab in &tabs {
        assert_eq!(tab.poll().await.status, StatusCode::OK);
    }
    let realm = stage.provider();
    let twice = realm.events("REFRESH_TOKEN_ERROR").await;
    let codes = realm.sessions_of("CODE_TO_TOKEN").await;
    println!("{cookies:?}: reloads {:?}, {} codes, {twice} refused", polls.reloads, codes.len());
    assert!(by_session(&codes).values().all(|codes| *codes <= 2), "{codes:?}");
    assert_eq!(by_session(&codes).len(), PAGES, "somebody typed a password: {codes:?}");
    match cookies {
        Cookies::Delivered => assert!(twice <= polls.reloads.iter().sum(), "{twice} {:?}", polls.reloads),
        Cookies::Dropped => assert_eq!(twice, 0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_was_killed_costs_each_page_one_reload_at_most_and_never_a_password() {
    tokio::join!(
        a_restart_is_a_redirect_at_most(Cookies::Delivered),
        a_restart_is_a_redirect_at_most(Cookies::Dropped)
    );
}

/// Keycloak gets another signing key while the pages ask, and loses the old one a token's life later.
///
/// Allowed: nothing. The first token of the new key is verified with keys that are fetched for it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_keycloak_changes_its_signing_keys() {
    let stage = open(Cookies::Delivered, PAGES, LIFE).await;
    let realm = stage.provider();
    let mut crowd = Crowd::open(&stage, PAGES).await;
    let signer = async |tab: &Tab| serde_json::from_str::<Seen>(&tab.poll().await.body).unwrap().signer();
    let before = signer(&crowd.tabs[0]).await;
    let old = realm.signing_keys().await;
    let [(_, old)] = old.as_slice() else { panic!("one key was expected: {old:?}") };
    crowd.poll(PAUSE);
    seconds(LIFE / 2).await;
    realm.add_signing_key(200).await;
    seconds(LIFE).await;
    realm.remove_key(old).await;
    seconds(LIFE).await;
    for tab in &crowd.tabs {
        assert_ne!(signer(tab).await, before, "no token of the new key arrived");
    }
    let polls = crowd.end().await;

    assert!(polls.failures.is_empty(), "{:#?}\n{}", polls.failures, stage.gateway.log());
    assert_eq!((realm.events("REFRESH_TOKEN_ERROR").await, realm.events("LOGIN").await), (0, PAGES));
}

/// Scripts that go away before they are answered: each at another moment of the first fifty milliseconds.
fn hasty(tabs: &[Arc<Tab>], over: &Arc<AtomicBool>, left: &Arc<AtomicUsize>) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for tab in tabs.iter().flat_map(|tab| std::iter::repeat_n(tab, POLLERS)) {
        let (tab, over, left) = (Arc::clone(tab), Arc::clone(over), Arc::clone(left));
        running.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut moment = [0];
                aws_lc_rs::rand::fill(&mut moment).unwrap();
                let moment = Duration::from_millis(u64::from(moment[0]) / 5);
                if tokio::time::timeout(moment, tab.poll()).await.is_err() {
                    left.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    running
}

/// Half of the scripts break their connections off at random, from a moment on at which all tokens are over and the
/// first who asks begins the exchange.
///
/// Allowed: nothing for the others. An exchange belongs to nobody who asked.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_broken_off_at_random_cost_nobody_else_anything() {
    let stage = open(Cookies::Delivered, PAGES, LIFE).await;
    let mut crowd = Crowd::open(&stage, PAGES).await;
    seconds(LIFE + 1).await;
    let (over, left) = (Arc::default(), Arc::default());
    let breaking = hasty(&crowd.tabs, &over, &left);
    crowd.poll(PAUSE);
    seconds(LIFE + LIFE / 2).await;
    over.store(true, Ordering::Relaxed);
    breaking.join_all().await;
    let polls = crowd.end().await;

    assert!(polls.failures.is_empty(), "{:#?}\n{}", polls.failures, stage.gateway.log());
    assert!(left.load(Ordering::Relaxed) > 0, "nobody went away");
    let realm = stage.provider();
    assert_eq!((realm.events("REFRESH_TOKEN_ERROR").await, realm.events("LOGIN").await), (0, PAGES));
}
