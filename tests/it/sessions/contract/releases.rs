//! Release of a lease without new tokens

use foregate::access::decision::Outage;
use foregate::flow::ports::{Absence, Release};

use crate::sessions::fixture::{DUE, Factory, LIFE, SignIn, State, at, new_tokens};

pub(crate) async fn release_without_the_current_lease_changes_nothing(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let used = store.lease(&jar, DUE).await;
    store.commit(&used, &new_tokens(DUE), DUE).await;
    for how in [Release::SessionEnded, Release::TokenSpent, Release::RetryAt(at(3600))] {
        store.sessions.release(&used, how).await;
        assert_eq!(store.states(&jar, [LIFE, DUE + DUE]).await, [State::Usable, State::Due], "{how:?}");
    }
    let current = store.lease(&jar, DUE + DUE).await;
    let waiting = *store.open(&jar, DUE + LIFE).await.refreshable.unwrap();
    store.sessions.release(&used, Release::RetryAt(at(0))).await;
    assert!(store.sessions.lease(waiting, at(DUE + DUE)).await.is_none());
    store.commit(&current, &new_tokens(DUE + DUE), DUE + DUE).await;
    assert_eq!(store.state(&jar, DUE + LIFE).await, State::Usable);
}

pub(crate) async fn release_with_retry_at_allows_no_lease_before_then(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let early = *store.open(&jar, DUE).await.refreshable.unwrap();
    let lease = store.lease(&jar, DUE).await;
    store.sessions.release(&lease, Release::RetryAt(at(DUE + 10))).await;
    assert_eq!(store.states(&jar, [DUE + 9, DUE + 10]).await, [State::Usable, State::Due]);
    assert!(store.sessions.lease(early, at(DUE + 9)).await.is_none());
    let lease = store.lease(&jar, DUE + 10).await;
    assert_eq!((lease.session.refresh_token.expose(), lease.is_takeover), ("refresh 1", false));
}

pub(crate) async fn release_with_retry_at_leaves_expired_tokens_undetermined(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let lease = store.lease(&jar, LIFE).await;
    store.sessions.release(&lease, Release::RetryAt(at(LIFE + 10))).await;
    let states = store.states(&jar, [LIFE + 9, LIFE + 10]).await;
    assert_eq!(states, [State::Undetermined(Outage::Provider), State::Refreshable]);
}

pub(crate) async fn release_with_token_spent_lets_the_session_expire(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let early = *store.open(&jar, DUE).await.refreshable.unwrap();
    let lease = store.lease(&jar, DUE).await;
    store.sessions.release(&lease, Release::TokenSpent).await;
    let states = store.states(&jar, [DUE, LIFE - 1, LIFE]).await;
    assert_eq!(states, [State::Usable, State::Usable, State::Absent(Absence::Expired)]);
    assert!(store.sessions.lease(early, at(3599)).await.is_none(), "the refresh token is never sent again");
}

pub(crate) async fn release_with_session_ended_ends_the_session(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let lease = store.lease(&jar, DUE).await;
    store.sessions.release(&lease, Release::SessionEnded).await;
    assert_eq!(store.state(&jar, DUE).await, State::Absent(Absence::Ended));
}
