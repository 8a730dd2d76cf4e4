//! End of sessions by a logout token (OpenID Connect Back-Channel Logout 1.0)

use foregate::flow::ports::{Absence, Commit, LogoutEffect, Whom};

use crate::sessions::fixture::{DUE, Factory, SignIn, State, new_tokens};

const ENDED: State = State::Absent(Absence::Ended);

fn sid(sid: &str) -> Whom {
    Whom::Session { sid: sid.to_owned(), subject: None }
}

fn sub(subject: &str) -> Whom {
    Whom::Subject(subject.to_owned())
}

pub(crate) async fn logout_token_with_sid_ends_that_session_only(store: Factory) {
    let store = store(<_>::default());
    let named = store.begin(SignIn::of("alice-sub", "sid-1")).await;
    let others = [("alice-sub", "sid-2"), ("alice-sub", ""), ("bob-sub", "sid-3")];
    let mut jars = Vec::new();
    for (subject, sid) in others {
        jars.push(store.begin(SignIn::of(subject, sid)).await);
    }
    assert_eq!(store.end_by(sid("sid-1"), [1, 1]).await, Ok(LogoutEffect::Ended));
    assert_eq!(store.state(&named, 1).await, ENDED);
    for jar in jars {
        assert_eq!(store.state(&jar, 1).await, State::Usable);
    }
}

pub(crate) async fn logout_token_with_sub_ends_all_sessions_of_that_user_only(store: Factory) {
    let store = store(<_>::default());
    let mut jars = Vec::new();
    for (subject, sid) in [("alice-sub", "sid-1"), ("alice-sub", ""), ("bob-sub", "sid-3"), ("alice", "")] {
        jars.push(store.begin(SignIn::of(subject, sid)).await);
    }
    jars[1] = store.refresh(&jars[1], &new_tokens(DUE), DUE).await;
    assert_eq!(store.end_by(sub("alice-sub"), [DUE, DUE]).await, Ok(LogoutEffect::Ended));
    let mut states = Vec::new();
    for jar in &jars {
        states.push(store.state(jar, DUE).await);
    }
    assert_eq!(states, [ENDED, ENDED, State::Due, State::Due]);
}

pub(crate) async fn logout_token_with_sid_and_sub_ends_sessions_without_sid_too(store: Factory) {
    let store = store(<_>::default());
    let mut jars = Vec::new();
    for (subject, sid) in [("alice-sub", "sid-1"), ("alice-sub", ""), ("alice-sub", "sid-2"), ("bob-sub", "")]
    {
        jars.push(store.begin(SignIn::of(subject, sid)).await);
    }
    let whom = Whom::Session { sid: "sid-1".to_owned(), subject: Some("alice-sub".to_owned()) };
    store.end_by(whom, [1, 1]).await.unwrap();
    let mut states = Vec::new();
    for jar in &jars {
        states.push(store.state(jar, 1).await);
    }
    assert_eq!(states, [ENDED, ENDED, State::Usable, State::Usable]);
}

/// The ID token is from a node of the provider whose clock is ahead.
pub(crate) async fn session_that_began_before_a_logout_token_arrived_has_ended(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn { issued: 9, ..SignIn::at(6) }).await;
    store.end_by(sub("alice-sub"), [5, 6]).await.unwrap();
    assert_eq!(store.state(&jar, 7).await, ENDED);
}

pub(crate) async fn session_that_begins_after_a_logout_token_lives(store: Factory) {
    let store = store(<_>::default());
    store.end_by(sub("alice-sub"), [5, 6]).await.unwrap();
    let later = store.begin(SignIn::at(7)).await;
    assert_eq!(store.state(&later, 7).await, State::Usable);
}

/// The sign-in was in progress when the token arrived.
pub(crate) async fn session_whose_id_token_precedes_a_logout_token_has_ended(store: Factory) {
    let store = store(<_>::default());
    store.end_by(sub("alice-sub"), [5, 6]).await.unwrap();
    store.end_by(sid("sid-9"), [5, 6]).await.unwrap();
    let late = store.begin(SignIn { issued: 4, ..SignIn::at(7) }).await;
    assert_eq!(store.state(&late, 7).await, ENDED);
    let named = store.begin(SignIn { seconds: 7, issued: 4, ..SignIn::of("bob-sub", "sid-9") }).await;
    assert_eq!(store.state(&named, 7).await, ENDED);
    let other = store.begin(SignIn { seconds: 7, issued: 4, ..SignIn::of("bob-sub", "sid-8") }).await;
    assert_eq!(store.state(&other, 7).await, State::Usable);
}

pub(crate) async fn repeated_logout_token_ends_no_later_session(store: Factory) {
    let store = store(<_>::default());
    store.end_by(sub("alice-sub"), [5, 6]).await.unwrap();
    let later = store.begin(SignIn::at(7)).await;
    store.end_by(sub("alice-sub"), [5, 8]).await.unwrap();
    assert_eq!(store.state(&later, 8).await, State::Usable);
    store.end_by(sub("alice-sub"), [9, 9]).await.unwrap();
    assert_eq!(store.state(&later, 9).await, ENDED, "another token");
}

/// The provider's clock is ahead, so both of its times are later than ours.
pub(crate) async fn session_after_a_logout_token_from_the_future_lives(store: Factory) {
    let store = store(<_>::default());
    store.end_by(sub("alice-sub"), [40, 10]).await.unwrap();
    let later = store.begin(SignIn { issued: 50, ..SignIn::at(20) }).await;
    assert_eq!(store.state(&later, 20).await, State::Usable);
    store.end_by(sub("alice-sub"), [40, 21]).await.unwrap();
    assert_eq!(store.state(&later, 21).await, State::Usable, "the token was repeated");
}

pub(crate) async fn session_of_a_logout_token_during_its_refresh_stays_ended(store: Factory) {
    for whom in [sid("sid-1"), sub("alice-sub")] {
        let store = store(<_>::default());
        let jar = store.begin(SignIn::default()).await;
        let lease = store.lease(&jar, DUE).await;
        store.end_by(whom, [DUE, DUE]).await.unwrap();
        assert_eq!(store.commit(&lease, &new_tokens(DUE), DUE).await, Commit::Ended);
        let seen = store.open(&jar, DUE).await;
        assert_eq!(seen.state, ENDED);
        assert!(seen.pending_cookies.is_none());
    }
}
