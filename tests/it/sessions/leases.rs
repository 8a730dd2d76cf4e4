//! Leases of a ticket store that gateways share

use std::sync::atomic::Ordering;
use std::time::Duration;

use foregate::flow::ports::{Absence, Commit, Lease, Release, Whom};
use foregate::session::records::{Inserted, RecordId, Records};
use foregate::session::ticket_store::LEASE_TIME;
use futures_util::poll;

use super::fixture::{DUE, LIFE, SignIn, State, StoreUnderTest, at, new_tokens};
use super::{FixedClock, ticket_store, ticket_store_with};
use crate::harness::until;

/// Lets a lease be renewed until the store was read for it, and then for a moment that a write needs.
async fn renew_once(store: &StoreUnderTest, lease: &Lease) {
    let outage = store.capabilities.outage.as_ref().unwrap();
    let before = outage.reads.load(Ordering::Relaxed);
    let is_read = async || outage.reads.load(Ordering::Relaxed) > before;
    let renewed = async {
        until("a renewal reads the store", is_read).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::select! {
        () = renewed => {}
        never = store.sessions.renew(lease) => match never {},
    }
}

#[tokio::test]
async fn lease_is_renewed_while_its_holder_needs_it() {
    for is_renewed in [false, true] {
        let store = ticket_store_with(<_>::default(), Duration::ZERO, FixedClock(at(DUE + 10)));
        let jar = store.begin(SignIn::default()).await;
        let [early, late] = [DUE, LIFE].map(|seconds| store.open(&jar, seconds));
        let [early, late] = [early.await, late.await].map(|seen| *seen.refreshable.unwrap());
        let lease = store.sessions.lease(early, at(DUE)).await.unwrap();
        if is_renewed {
            renew_once(&store, &lease).await;
        }
        let expired = DUE + LEASE_TIME.as_secs();
        assert_eq!(store.sessions.lease(late, at(expired)).await.is_none(), is_renewed);
    }
}

#[tokio::test]
async fn renewal_changes_no_lease_that_was_returned_or_taken_over() {
    for is_returned in [false, true] {
        let store = ticket_store_with(<_>::default(), Duration::ZERO, FixedClock(at(LIFE)));
        let jar = store.begin(SignIn::default()).await;
        let early = store.lease(&jar, DUE).await;
        if is_returned {
            store.sessions.release(&early, Release::RetryAt(at(LIFE))).await;
        }
        let current = store.lease(&jar, LIFE).await;
        assert_eq!(current.is_takeover, !is_returned);
        renew_once(&store, &early).await;
        store.sessions.release(&current, Release::RetryAt(at(LIFE + 5))).await;
        assert_eq!(store.state(&jar, LIFE + 5).await, State::Refreshable, "the current holder released it");
    }
}

/// Other gateways do not know that the token was not sent. Without the lease, they would not send it either.
#[tokio::test]
async fn lease_without_an_answer_is_given_back_when_the_store_answers() {
    let store = ticket_store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let session = *store.open(&jar, DUE).await.refreshable.unwrap();
    let outage = store.capabilities.outage.clone().unwrap();
    outage.loses_an_answer.store(true, Ordering::Relaxed);
    outage.fails_after_it.store(true, Ordering::Relaxed);
    assert!(store.sessions.lease(session, at(DUE)).await.is_none());
    assert!(store.set_unavailable(false));
    let (soon, expired) = (DUE + 5, DUE + LEASE_TIME.as_secs());
    assert!(soon < expired);
    let is_due = async || store.state(&jar, soon).await == State::Due;
    until("the lease is given back", is_due).await;
    assert!(!store.lease(&jar, soon).await.is_takeover);
}

#[tokio::test]
async fn result_of_a_stopped_holder_does_not_replace_newer_tokens() {
    let store = ticket_store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let stopped = store.lease(&jar, DUE).await;
    let expired = DUE + LEASE_TIME.as_secs();
    let next = store.lease(&jar, expired).await;
    store.commit(&next, &new_tokens(expired), expired).await;
    let commit = store.commit(&stopped, &new_tokens(expired), expired).await;
    assert_eq!(commit, Commit::Superseded, "its tokens are not revoked: the provider may end the grant");
    store.sessions.release(&stopped, Release::SessionEnded).await;
    assert_eq!(store.state(&jar, expired).await, State::Usable);
}

/// The earlier holder may have sent the token, although the one that took its lease over did not.
#[tokio::test]
async fn takeover_without_an_answer_is_not_forgotten() {
    let store = ticket_store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let [early, late] = [DUE, LIFE].map(|seconds| store.open(&jar, seconds));
    let [early, late] = [early.await, late.await].map(|seen| *seen.refreshable.unwrap());
    store.sessions.lease(early, at(DUE)).await.unwrap();
    store.capabilities.outage.as_ref().unwrap().loses_an_answer.store(true, Ordering::Relaxed);
    assert!(store.sessions.lease(late, at(LIFE)).await.is_none());
    assert!(store.lease(&jar, LIFE + 5).await.is_takeover);
}

/// Otherwise, a gateway that read the lost row would take the next one for it, and replace it.
#[tokio::test]
async fn write_after_a_failover_gets_no_revision_of_a_lost_one() {
    let store = ticket_store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let records = store.capabilities.records.clone().unwrap();
    let id = RecordId(store.open(&jar, DUE).await.refreshable.unwrap().id.0);
    let replica = records.find(id).await.unwrap().unwrap();
    let mut revisions = Vec::new();
    for _ in 0..2 {
        store.lease(&jar, DUE).await;
        revisions.push(records.find(id).await.unwrap().unwrap().revision);
        records.remove(id).await.unwrap();
        assert_eq!(records.insert(&replica, at(DUE)).await, Ok(Inserted::Stored));
    }
    assert_ne!(revisions[0], revisions[1]);
}

/// The provider tolerates reuse, so the holder that took the lease over also sent the token.
#[tokio::test]
async fn result_of_a_stopped_holder_waits_for_that_of_the_current_one() {
    let store = ticket_store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let stopped = store.lease(&jar, DUE).await;
    let expired = DUE + LEASE_TIME.as_secs();
    let current = store.lease(&jar, expired).await;
    let tokens = new_tokens(expired);
    let mut late = store.sessions.commit(&stopped, &tokens, None, at(expired));
    for _ in 0..100 {
        assert!(poll!(&mut late).is_pending());
        tokio::task::yield_now().await;
    }
    store.commit(&current, &tokens, expired).await;
    assert_eq!(late.await, Ok(Commit::Superseded));
}

/// Providers do not wait long, and do not repeat a token.
#[tokio::test]
async fn logout_goes_on_if_its_request_is_dropped() {
    let store = ticket_store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let whom = Whom::Subject("alice-sub".to_owned());
    assert!(poll!(Box::pin(store.end_by(whom, [1, 1]))).is_pending());
    let has_ended = async || store.state(&jar, 1).await == State::Absent(Absence::Ended);
    until("the session has ended", has_ended).await;
}
