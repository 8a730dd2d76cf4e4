//! Expiry of tokens and sessions

use std::time::Duration;

use foregate::flow::ports::{Absence, Refreshed};

use crate::sessions::fixture::{
    DUE, Factory, LIFE, Settings, SignIn, State, at, new_tokens, no_tokens, origins,
};

const EXPIRED: State = State::Absent(Absence::Expired);

pub(crate) async fn session_without_refresh_token_expires_with_its_tokens(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn { refresh_token: None, ..<_>::default() }).await;
    assert_eq!(store.open(&jar, 1).await.known.times[1], at(LIFE).0);
    let states = store.states(&jar, [DUE, LIFE - 1, LIFE, LIFE + 1]).await;
    assert_eq!(states, [State::Usable, State::Usable, EXPIRED, EXPIRED]);
}

pub(crate) async fn expired_tokens_with_a_refresh_token_are_refreshable(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    assert_eq!(store.states(&jar, [LIFE - 1, LIFE]).await, [State::Due, State::Refreshable]);
}

pub(crate) async fn session_expires_at_the_end_of_its_lifetime(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    assert_eq!(store.states(&jar, [3599, 3600]).await, [State::Refreshable, EXPIRED]);
    let jar = store.refresh(&jar, &new_tokens(3590), 3590).await;
    assert_eq!(store.states(&jar, [3599, 3600]).await, [State::Usable, EXPIRED], "a refresh adds nothing");
}

pub(crate) async fn session_expires_with_its_refresh_token(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn { refresh_life: Some(150), ..<_>::default() }).await;
    assert_eq!(store.states(&jar, [149, 150]).await, [State::Refreshable, EXPIRED]);
    let jar = store.begin(SignIn { refresh_life: Some(150), ..<_>::default() }).await;
    let new = Refreshed { refresh_expires_at: Some(at(300)), ..new_tokens(DUE) };
    let jar = store.refresh(&jar, &new, DUE).await;
    assert_eq!(store.open(&jar, DUE).await.known.times[1], at(300).0);
    assert_eq!(store.states(&jar, [299, 300]).await, [State::Refreshable, EXPIRED]);
}

pub(crate) async fn refresh_is_due_at_60_to_75_percent_of_the_tokens_life(store: Factory) {
    let store = store(<_>::default());
    for _ in 0..20 {
        let jar = store.begin(SignIn::default()).await;
        assert_eq!(store.states(&jar, [59, DUE]).await, [State::Usable, State::Due]);
    }
    let jar = store.begin(SignIn::default()).await;
    let jar = store.refresh(&jar, &new_tokens(DUE), DUE).await;
    assert_eq!(store.states(&jar, [DUE + 59, DUE + DUE]).await, [State::Usable, State::Due]);
}

fn idle() -> Settings {
    Settings { idle: Some(Duration::from_secs(50)), ..<_>::default() }
}

pub(crate) async fn idle_session_expires_and_no_request_revives_it(store: Factory) {
    let store = store(idle());
    let jar = store.begin(SignIn::default()).await;
    let states = store.states(&jar, [49, 98, 148, 148, 149]).await;
    assert_eq!(states, [State::Usable, State::Due, EXPIRED, EXPIRED, EXPIRED]);
}

pub(crate) async fn background_request_does_not_keep_an_idle_session(store: Factory) {
    let store = store(idle());
    let jar = store.begin(SignIn::default()).await;
    let origin = &origins()[0];
    assert_eq!(store.open_at(&jar, 10, origin, true).await.state, State::Usable);
    assert_eq!(store.open_at(&jar, 59, origin, false).await.state, State::Usable);
    assert_eq!(store.open_at(&jar, 60, origin, false).await.state, EXPIRED);
}

/// Returns an access token for another [`LIFE`], and no ID token.
fn no_id_token(seconds: u64) -> Refreshed {
    Refreshed { access_expires_at: Some(at(seconds + LIFE)), ..no_tokens() }
}

pub(crate) async fn expired_id_token_is_not_returned(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let jar = store.refresh(&jar, &no_id_token(DUE), DUE).await;
    assert_eq!(store.open(&jar, LIFE - 1).await.known.id_token, "head.first.signature");
    let seen = store.open(&jar, LIFE).await;
    assert_eq!((seen.state, &*seen.known.id_token), (State::Usable, ""));
}

pub(crate) async fn session_that_requires_a_fresh_id_token_expires_with_it(store: Factory) {
    let store = store(Settings { require_fresh_id_token: true, ..<_>::default() });
    let jar = store.begin(SignIn::default()).await;
    let jar = store.refresh(&jar, &no_id_token(DUE), DUE).await;
    assert_eq!(store.states(&jar, [LIFE - 1, LIFE]).await, [State::Usable, EXPIRED]);
}
