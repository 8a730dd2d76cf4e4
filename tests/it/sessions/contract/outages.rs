//! Outage of a store
//!
//! With the capability `outage`, the store can be unavailable, and these rules hold. Without it, the store is in the
//! process. It then opens every session without a lookup, so it cannot be unavailable.

use std::sync::atomic::Ordering;
use std::time::Duration;

use foregate::access::decision::Outage;
use foregate::flow::ports::{
    Absence, BeginError, Commit, OpenResult, SessionRequest, StoreUnavailable, Whom, Workspace,
};

use crate::sessions::fixture::{
    DUE, Factory, Jar, LIFE, SignIn, State, StoreUnderTest, at, new_tokens, origins, request,
};

/// Returns whether the first `open` determines the session, without a lookup.
fn needs_no_lookup(store: &StoreUnderTest, jar: &[String], seconds: u64) -> bool {
    let (headers, origin, now) = (request(jar), &origins()[0], at(seconds));
    let request = SessionRequest { headers: &headers, origin, now, active: true, found: None };
    matches!(store.sessions.open(&mut Workspace::new(), request), OpenResult::Ready(_))
}

pub(crate) async fn request_without_a_well_formed_session_cookie_needs_no_store(store: Factory) {
    let store = store(<_>::default());
    let begun = store.begin(SignIn::default()).await;
    store.set_unavailable(true);
    for jar in [Jar::new(), vec!["theme=dark".to_owned()]] {
        assert!(needs_no_lookup(&store, &jar, 1));
        assert_eq!(store.state(&jar, 1).await, State::Absent(Absence::NoCookie));
    }
    let too_long = vec![format!("{}A", begun[0])];
    for jar in [[begun.clone(), begun].concat(), too_long] {
        assert!(needs_no_lookup(&store, &jar, 1));
        assert_eq!(store.state(&jar, 1).await, State::Absent(Absence::Refused));
    }
}

pub(crate) async fn unavailable_store_leaves_a_session_undetermined(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    if !store.set_unavailable(true) {
        assert!([1, DUE, LIFE, 3600].iter().all(|&seconds| needs_no_lookup(&store, &jar, seconds)));
        return;
    }
    for seconds in [1, DUE, LIFE, 3600] {
        let seen = store.open(&[jar.clone(), vec!["theme=dark".to_owned()]].concat(), seconds).await;
        assert_eq!(seen.state, State::Undetermined(Outage::SessionStore));
        assert_eq!(seen.other_cookies, "theme=dark");
        assert!(seen.pending_cookies.is_none(), "no cookie is removed");
    }
    store.set_unavailable(false);
    assert_eq!(store.state(&jar, 1).await, State::Usable);
}

pub(crate) async fn unavailable_store_begins_no_session_and_loses_no_logout(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    if !store.set_unavailable(true) {
        assert!(needs_no_lookup(&store, &jar, 1));
        return;
    }
    let begun = store.sign_in(SignIn::default(), &[]).await;
    assert_eq!(begun, Err(BeginError::StoreUnavailable(StoreUnavailable)));
    assert!(matches!(store.end(&jar, 1).await, Err(StoreUnavailable)));
    let whom = Whom::Subject("alice-sub".to_owned());
    assert_eq!(store.end_by(whom, [1, 1]).await, Err(StoreUnavailable));
    store.set_unavailable(false);
    // The provider does not repeat its token, so the store records it when it answers again.
    let has_ended = async || store.state(&jar, 1).await == State::Absent(Absence::Ended);
    crate::harness::until("the logout is recorded", has_ended).await;
}

pub(crate) async fn unavailable_store_begins_no_refresh_and_loses_none(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let early = *store.open(&jar, DUE).await.refreshable.unwrap();
    if !store.set_unavailable(true) {
        assert!(needs_no_lookup(&store, &jar, DUE));
        return;
    }
    assert!(store.sessions.lease(early, at(DUE)).await.is_none());
    store.set_unavailable(false);
    let lease = store.lease(&jar, DUE).await;
    store.set_unavailable(true);
    let tokens = new_tokens(DUE);
    let commit = store.sessions.commit(&lease, &tokens, None, at(DUE));
    let answers_again = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        store.set_unavailable(false);
    };
    let (commit, ()) = tokio::join!(commit, answers_again);
    assert_eq!(commit, Ok(Commit::Committed { last_was_not_delivered: false }));
    let seen = store.open(&jar, DUE).await;
    assert_ne!(&*seen.known.id_token, "head.first.signature", "the new tokens exist nowhere else");
}

/// The store recorded the lease, but its caller got no answer. So the refresh token was not sent.
pub(crate) async fn lease_whose_answer_was_lost_can_be_acquired(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let Some(outage) = &store.capabilities.outage else {
        assert!(needs_no_lookup(&store, &jar, DUE));
        return;
    };
    let early = *store.open(&jar, DUE).await.refreshable.unwrap();
    outage.loses_an_answer.store(true, Ordering::Relaxed);
    assert!(store.sessions.lease(early, at(DUE)).await.is_none());
    // Another gateway does not know that no token was sent. So this one gives the lease back.
    let lease = store.lease(&jar, DUE + 2).await;
    assert!(!lease.is_takeover);
    let commit = store.sessions.commit(&lease, &new_tokens(DUE), None, at(DUE)).await;
    assert_eq!(commit, Ok(Commit::Committed { last_was_not_delivered: false }));
}

pub(crate) async fn commit_whose_answer_was_lost_is_a_commit(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let lease = store.lease(&jar, DUE).await;
    if let Some(outage) = &store.capabilities.outage {
        outage.loses_an_answer.store(true, Ordering::Relaxed);
    }
    let commit = store.sessions.commit(&lease, &new_tokens(DUE), None, at(DUE)).await;
    assert_eq!(commit, Ok(Commit::Committed { last_was_not_delivered: false }));
    let lost =
        store.capabilities.outage.as_ref().map(|outage| outage.loses_an_answer.load(Ordering::Relaxed));
    assert_ne!(lost, Some(true), "no answer was lost");
    let again = store.sessions.commit(&lease, &new_tokens(DUE), None, at(DUE)).await;
    assert!(matches!(again, Ok(Commit::Ended | Commit::Superseded)), "a second result of the same lease");
}
