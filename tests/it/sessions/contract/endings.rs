//! End of a session by its user

use std::time::Duration;

use foregate::flow::ports::{Absence, Commit, EndedSession, Release};
use foregate::secret::Secret;

use crate::sessions::fixture::{DUE, Factory, Jar, LIFE, Settings, SignIn, State, at, new_tokens, receive};

const ENDED: State = State::Absent(Absence::Ended);

/// Returns subject, refresh token and ID token.
fn contents_of(ended: &EndedSession) -> [Option<&str>; 3] {
    let [refresh_token, id_token] =
        [&ended.refresh_token, &ended.id_token].map(|token| token.as_ref().map(Secret::expose));
    [ended.subject.as_deref(), refresh_token, id_token]
}

pub(crate) async fn end_returns_the_newest_tokens_and_removes_the_cookies(store: Factory) {
    let store = store(<_>::default());
    let first = store.begin(SignIn::default()).await;
    let ended = store.end(&first, 1).await.unwrap();
    assert_eq!(contents_of(&ended), [Some("alice-sub"), Some("refresh 1"), Some("head.first.signature")]);
    assert_eq!(receive(&first, &ended.cookies), Jar::new());
    for presents_the_newest in [false, true] {
        let old = store.begin(SignIn::default()).await;
        let new = store.refresh(&old, &new_tokens(DUE), DUE).await;
        let jar = if presents_the_newest { new } else { old };
        let ended = store.end(&jar, LIFE).await.unwrap();
        assert_eq!(
            contents_of(&ended),
            [Some("alice-sub"), Some("refresh 2"), Some("head.second.signature")]
        );
    }
}

pub(crate) async fn end_of_an_expired_session_names_no_user(store: Factory) {
    let store = store(Settings { lifetime: Duration::from_secs(50), ..<_>::default() });
    let jar = store.begin(SignIn::default()).await;
    assert_eq!(store.end(&jar, 50).await.unwrap().subject, None);
}

pub(crate) async fn end_returns_nothing_the_second_time(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    store.end(&jar, 1).await.unwrap();
    let again = store.end(&jar, 1).await.unwrap();
    assert_eq!(contents_of(&again), [None; 3]);
    assert_eq!(receive(&jar, &again.cookies), Jar::new(), "its cookies are still removed");
    assert_eq!(contents_of(&store.end(&[], 1).await.unwrap()), [None; 3]);
}

pub(crate) async fn ended_session_stays_ended_for_a_copied_cookie(store: Factory) {
    let store = store(<_>::default());
    let old = store.begin(SignIn::default()).await;
    let new = store.refresh(&old, &new_tokens(DUE), DUE).await;
    let due = *store.open(&new, DUE + DUE).await.refreshable.unwrap();
    store.end(&old, DUE).await.unwrap();
    assert!(store.sessions.lease(due, at(DUE + DUE)).await.is_none(), "an ended session gets no lease");
    for jar in [old, new] {
        assert_eq!(store.states(&jar, [DUE, DUE + LIFE]).await, [ENDED, ENDED]);
    }
}

pub(crate) async fn session_that_ended_during_its_refresh_stays_ended(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let due = *store.open(&jar, DUE).await.refreshable.unwrap();
    let lease = store.lease(&jar, DUE).await;
    store.end(&jar, DUE).await.unwrap();
    assert_eq!(store.commit(&lease, &new_tokens(DUE), DUE).await, Commit::Ended);
    assert_eq!(store.state(&jar, DUE).await, ENDED);
    store.sessions.release(&lease, Release::RetryAt(at(DUE))).await;
    assert_eq!(store.state(&jar, DUE).await, ENDED);
    assert!(store.sessions.lease(due, at(DUE)).await.is_none());
}
