//! What happens to sessions while Keycloak takes connections and answers nobody?

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;

use super::strict;
use crate::harness::{Caller, Cookies, Crowd, POLLED, Place, Realm, Reply, Stage, Tab, person};

/// Of an access token, in seconds: renewed after 12 to 15.
const LIFE: u64 = 20;
/// Their tokens are over when Keycloak stops, and they ask at once.
const ASKING: usize = 4;
/// One more asks when nobody asks Keycloak any longer, and another has just signed in.
const PEOPLE: usize = ASKING + 2;
/// So long Keycloak stands still, at the least.
const STOPPED: Duration = Duration::from_secs(30);
/// A state that never comes must not hold the test.
const LIMIT: Duration = Duration::from_secs(60);

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Asks again and again, until the answer is the one.
async fn until(tab: &Tab, status: StatusCode) -> Reply {
    let asking = async {
        loop {
            let reply = tab.poll().await;
            if reply.status == status {
                return reply;
            }
            seconds(1).await;
        }
    };
    tokio::time::timeout(LIMIT, asking).await.unwrap_or_else(|_| panic!("it never said {status}"))
}

/// 503, when to ask again, and not a word that would cost the session.
fn told_later(reply: &Reply) {
    let told = (reply.status, reply.header("retry-after").is_some());
    assert_eq!(told, (StatusCode::SERVICE_UNAVAILABLE, true), "{reply:?}");
    assert_eq!((reply.header("x-reload"), reply.header("set-cookie")), (None, None), "{reply:?}");
}

/// Keycloak stands still for two seconds while sessions are due.
///
/// Allowed: nothing. Their tokens are good for longer, and whoever asks is answered with them.
async fn a_short_stop_is_not_noticed(stage: &Stage<Realm>) -> Vec<Arc<Tab>> {
    let mut crowd = Crowd::open(stage, ASKING + 1).await;
    crowd.poll(Duration::from_millis(500));
    seconds(LIFE / 2).await;
    stage.provider().stop();
    seconds(2).await;
    stage.provider().go_on();
    seconds(LIFE / 2).await;
    let tabs = crowd.tabs.clone();
    let polls = crowd.end().await;
    assert!(polls.failures.is_empty(), "{:#?}\n{}", polls.failures, stage.gateway.log());
    tabs
}

/// Those whose tokens are over; Keycloak does not answer.
async fn all_are_told_later(tabs: &[Arc<Tab>]) {
    for reply in join_all(tabs.iter().map(|tab| tab.poll())).await {
        told_later(&reply);
    }
}

/// Who has just signed in.
async fn goes_on(caller: &Caller) {
    for _ in 0..5 {
        assert_eq!(caller.get(POLLED, &[]).await.status, StatusCode::OK);
        seconds(1).await;
    }
}

/// Then for thirty seconds.
///
/// Allowed: whose tokens are good goes on. Whose tokens are over is told 503 and `Retry-After`, and keeps the cookies.
/// Afterwards they come back: by an exchange where none was sent in vain; by one silent trip through Keycloak where one
/// was, because its token may be spent. NoProvider types a password, and Keycloak sees no token twice.
#[tokio::test(flavor = "multi_thread")]
async fn while_keycloak_stands_still_good_tokens_pass_and_the_others_are_told_to_come_later() {
    let place = Place::new();
    let realm = Realm::alone(&place.origin, |realm| strict(realm, PEOPLE, LIFE)).await;
    let registration = realm.registration();
    let stage = Stage::raise(place, realm, &registration, Cookies::Delivered).await;
    let tabs = a_short_stop_is_not_noticed(&stage).await;
    let (asking, late) = (&tabs[..ASKING], &tabs[ASKING]);
    seconds(LIFE + 1).await;
    let fresh = stage.caller(&person(ASKING + 1)).await;

    stage.provider().stop();
    let stopped = Instant::now();
    tokio::join!(goes_on(&fresh), all_are_told_later(asking));
    for tab in asking {
        until(tab, StatusCode::UNAUTHORIZED).await;
    }
    told_later(&late.poll().await);
    let (end, page) = late.load("/page").await;
    assert_eq!(end.path(), "/oauth2/refresh");
    told_later(&page);
    tokio::time::sleep_until((stopped + STOPPED).into()).await;
    stage.provider().go_on();

    until(late, StatusCode::OK).await;
    for tab in asking {
        let (end, page) = tab.load("/page").await;
        assert_eq!((end.path(), page.status), ("/page", StatusCode::OK), "{end}");
        assert_eq!(tab.poll().await.status, StatusCode::OK);
    }
    let realm = stage.provider();
    assert_eq!(realm.events("REFRESH_TOKEN_ERROR").await, 0);
    assert_eq!(realm.events("CODE_TO_TOKEN").await, PEOPLE + ASKING);
    let mut sessions = realm.sessions_of("CODE_TO_TOKEN").await;
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), PEOPLE, "somebody typed a password");
}
