//! A ticket store that keeps what it read for some time
//!
//! The clock of its lookups stands still, so it reads a record once in a hundred seconds of the requests' time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use foregate::flow::ports::{Absence, Commit, OpenResult, Release, SessionRequest, Workspace};
use foregate::session::records::{Inserted, RecordId, Records};
use foregate::session::ticket_store::LEASE_TIME;
use futures_util::poll;

use crate::sessions::fixture::{
    DUE, LIFE, NOW, Settings, SignIn, State, StoreUnderTest, at, new_tokens, origins, request,
};
use crate::sessions::{FixedClock, ticket_store_with};

fn store(settings: Settings) -> StoreUnderTest {
    ticket_store_with(settings, Duration::from_secs(100), FixedClock(NOW))
}

fn needs_a_lookup(store: &StoreUnderTest, jar: &[String], seconds: u64, active: bool) -> bool {
    let (headers, origin, now) = (request(jar), &origins()[0], at(seconds));
    let request = SessionRequest { headers: &headers, origin, now, active, found: None };
    matches!(store.sessions.open(&mut Workspace::new(), request), OpenResult::Ask(_))
}

#[tokio::test]
async fn activity_is_recorded_although_background_requests_keep_the_record_young() {
    let store = store(Settings { idle: Some(Duration::from_secs(30)), ..<_>::default() });
    let jar = store.begin(SignIn::default()).await;
    assert!(!needs_a_lookup(&store, &jar, 2, true), "a small part of the idle time");
    assert!(!needs_a_lookup(&store, &jar, 20, false), "a request of an open page");
    assert_eq!(store.state(&jar, 29).await, State::Usable);
    assert_eq!(store.state(&jar, 45).await, State::Usable, "the user was active");
    assert_eq!(store.state(&jar, 200).await, State::Absent(Absence::Expired));
}

#[tokio::test]
async fn session_that_the_provider_ended_is_not_kept_until_its_removal() {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let lease = store.lease(&jar, DUE).await;
    let mut release = store.sessions.release(&lease, Release::SessionEnded);
    let mut lookups = Vec::new();
    while poll!(&mut release).is_pending() {
        lookups.push(needs_a_lookup(&store, &jar, DUE, true));
    }
    assert_eq!((lookups.first(), lookups.last()), (Some(&false), Some(&true)));
    assert_eq!(store.state(&jar, DUE).await, State::Absent(Absence::Ended));
}

/// Otherwise, a browser whose sessions end at once would be sent to the provider again and again.
#[tokio::test]
async fn session_that_is_over_was_not_ended() {
    let settings = Settings { lifetime: Duration::from_secs(50), ..<_>::default() };
    let store = ticket_store_with(settings, Duration::ZERO, FixedClock(at(50)));
    let jar = store.begin(SignIn::default()).await;
    assert_eq!(store.state(&jar, 50).await, State::Absent(Absence::Expired));
}

#[tokio::test]
async fn slow_store_is_read_once_while_an_older_record_serves() {
    let settings = Settings { stale_if_error: Duration::from_secs(30), ..<_>::default() };
    let store = ticket_store_with(settings, Duration::ZERO, FixedClock(NOW));
    let jar = store.begin(SignIn::default()).await;
    assert_eq!(store.state(&jar, 1).await, State::Usable);
    let failures = store.capabilities.outage.as_ref().unwrap();
    let reads = || failures.reads.load(Ordering::Relaxed);
    let before = reads();
    failures.hangs.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        assert_eq!(store.state(&jar, 1).await, State::Usable);
    }
    assert_eq!(reads() - before, 1);

    failures.hangs.store(false, Ordering::Relaxed);
    assert!(store.end(&jar, 1).await.is_ok());
    assert_eq!(store.state(&jar, 1).await, State::Absent(Absence::Ended));
}

/// The server that took over has the lease, but not the commit that came after it.
#[tokio::test]
async fn failover_that_loses_a_commit_sends_no_token_again() {
    let store = ticket_store_with(<_>::default(), Duration::ZERO, FixedClock(NOW));
    let jar = store.begin(SignIn::default()).await;
    let lease = store.lease(&jar, DUE).await;
    let records = store.capabilities.records.clone().unwrap();
    let id = RecordId(lease.session.id.0);
    let leased = records.find(id).await.unwrap().unwrap();
    let commit = store.sessions.commit(&lease, &new_tokens(DUE), None, at(DUE)).await;
    assert_eq!(commit, Ok(Commit::Committed { last_was_not_delivered: false }));
    records.remove(id).await.unwrap();
    assert_eq!(records.insert(&leased, NOW).await, Ok(Inserted::Stored));

    assert!(store.open(&jar, DUE).await.refreshable.is_none(), "the lease is held");
    let expired = DUE + LEASE_TIME.as_secs();
    assert!(store.sessions.lease(lease.session, at(expired)).await.unwrap().is_takeover);
}

#[tokio::test]
async fn record_serves_during_an_outage_until_its_tokens_expire() {
    let settings = Settings { stale_if_error: Duration::from_secs(1000), ..<_>::default() };
    let store = ticket_store_with(settings, Duration::ZERO, FixedClock(NOW));
    let jar = store.begin(SignIn::default()).await;
    assert!(store.set_unavailable(true));
    assert_eq!(store.state(&jar, LIFE - 1).await, State::Due);
    let expired = store.open(&jar, LIFE).await;
    assert!(!matches!(expired.state, State::Usable | State::Due), "{:?}", expired.state);
    assert!(expired.pending_cookies.is_none(), "no cookie is removed");
}
