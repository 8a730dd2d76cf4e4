//! What do people notice when a part fails while their pages ask?

use std::time::{Duration, Instant};

use http::StatusCode;

use super::{by_session, open};
use crate::harness::{Cookies, Crowd};

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
