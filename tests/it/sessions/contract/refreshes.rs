//! Leases of a refresh, and commits of new tokens

use foregate::access::decision::Outage;
use foregate::access::policy::PolicyVerdicts;
use foregate::flow::ports::{Absence, Commit, Lease, Refreshed, Release};
use foregate::secret::Secret;

use crate::sessions::fixture::{
    DUE, Factory, LIFE, SignIn, State, StoreUnderTest, at, new_tokens, no_tokens, receive,
};

pub(crate) async fn session_has_one_lease_at_a_time(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let others = [DUE, LIFE].map(|seconds| store.open(&jar, seconds));
    let [first, second] = others;
    let [first, second] = [first.await, second.await].map(|seen| *seen.refreshable.unwrap());
    let lease = store.lease(&jar, DUE).await;
    assert!(store.sessions.lease(first, at(DUE)).await.is_none());
    assert!(store.sessions.lease(second, at(DUE)).await.is_none());
    let states = store.states(&jar, [DUE, LIFE]).await;
    assert_eq!(states, [State::Usable, State::Refreshable], "a refresh in flight is not due");
    store.commit(&lease, &new_tokens(DUE), DUE).await;
    store.lease(&jar, DUE + DUE).await;
}

/// With `lease_lifetime`, the next holder knows that it took the lease over. It does not send the token, so the result
/// of the late holder is the newest. If the provider tolerates reuse, the next holder sends the token and is superseded.
/// Without it, the holder is in the store's own process, and holds the lease as long as the process runs.
pub(crate) async fn lease_that_is_never_returned_is_taken_over_only_if_it_expires(store: Factory) {
    for is_spent in [false, true] {
        take_over(store(<_>::default()), is_spent).await;
    }
}

async fn take_over(store: StoreUnderTest, is_spent: bool) {
    let jar = store.begin(SignIn::default()).await;
    let late = store.lease(&jar, DUE).await;
    assert!(!late.is_takeover);
    let Some(lifetime) = store.capabilities.lease_lifetime else {
        let session = *store.open(&jar, 3599).await.refreshable.unwrap();
        assert!(store.sessions.lease(session, at(3599)).await.is_none());
        return;
    };
    let expired = DUE + lifetime.as_secs();
    let session = *store.open(&jar, LIFE).await.refreshable.unwrap();
    assert!(store.sessions.lease(session, at(expired - 1)).await.is_none());
    let (lease, tokens) = (store.lease(&jar, expired).await, new_tokens(expired));
    assert!(lease.is_takeover);
    store.sessions.release(&late, Release::SessionEnded).await;
    assert_eq!(store.state(&jar, LIFE - 1).await, State::Usable, "the late holder cannot release the lease");
    let newest = if is_spent {
        store.sessions.release(&lease, Release::TokenSpent).await;
        assert_eq!(store.state(&jar, expired + LIFE).await, State::Absent(Absence::Expired));
        [&late, &lease]
    } else {
        [&lease, &late]
    };
    let commits = newest.map(|lease| store.sessions.commit(lease, &tokens, None, at(expired)));
    let [first, second] = commits;
    assert_eq!(first.await, Ok(Commit::Committed { last_was_not_delivered: false }));
    assert_eq!(second.await, Ok(Commit::Superseded));
    let due = store.lease(&jar, expired + LIFE).await;
    assert!(!due.is_takeover && due.session.generation == 2);
}

pub(crate) async fn session_of_an_older_generation_gets_no_lease(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let older = *store.open(&jar, DUE).await.refreshable.unwrap();
    store.refresh(&jar, &new_tokens(DUE), DUE).await;
    assert!(store.sessions.lease(older, at(DUE + DUE)).await.is_none(), "its refresh token was used");
}

pub(crate) async fn commit_adds_one_to_the_generation(store: Factory) {
    let store = store(<_>::default());
    let mut jar = store.begin(SignIn::default()).await;
    let first = store.open(&jar, DUE).await.refreshable.unwrap();
    jar = store.refresh(&jar, &new_tokens(DUE), DUE).await;
    let second = store.open(&jar, DUE + DUE).await.refreshable.unwrap();
    jar = store.refresh(&jar, &new_tokens(DUE + DUE), DUE + DUE).await;
    let third = store.open(&jar, DUE + DUE + DUE).await.refreshable.unwrap();
    assert_eq!([first.generation, second.generation, third.generation], [1, 2, 3]);
    assert_eq!([second.id, third.id], [first.id; 2]);
}

/// With `cookie_changes_at_refresh`, answers to the older cookie carry the new one until the client presents it.
/// Without it, the cookie stays the same, and no answer carries another.
pub(crate) async fn older_cookie_opens_with_the_newest_tokens(store: Factory) {
    let store = store(<_>::default());
    let old = store.begin(SignIn::default()).await;
    let lease = store.lease(&old, DUE).await;
    store.commit(&lease, &new_tokens(DUE), DUE).await;
    let seen = store.open(&old, LIFE).await;
    assert_eq!(seen.state, State::Usable);
    assert_eq!(seen.known.identity, ["alice-sub", "alice2", "", "new"]);
    assert_eq!(seen.known.id_token, "head.second.signature");
    assert_eq!(seen.known.policies, Some(PolicyVerdicts { generation: 6, met: 1 }));
    assert_eq!(seen.known.times, [at(0).0, at(3600).0]);
    let kept = (Some(at(7).0), Some("gold".to_owned()));
    assert_eq!(seen.known.authentication, kept, "values that the new ID token omits are kept");
    let due = store.open(&old, DUE + DUE).await;
    assert_eq!(due.refreshable.unwrap().refresh_token.expose(), "refresh 2");
    assert_eq!(seen.pending_cookies.is_some(), store.capabilities.cookie_changes_at_refresh);
    let new = receive(&old, seen.pending_cookies.as_deref().unwrap_or_default());
    assert_eq!(new != old, store.capabilities.cookie_changes_at_refresh);
    let seen = store.open(&new, LIFE).await;
    assert_eq!((seen.state, &*seen.known.id_token), (State::Usable, "head.second.signature"));
    assert!(seen.pending_cookies.is_none(), "the client has the newest");
}

pub(crate) async fn commit_without_an_id_token_keeps_identity_and_id_token(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let before = store.open(&jar, DUE).await.known;
    let new = Refreshed { access_expires_at: Some(at(DUE + LIFE)), ..no_tokens() };
    let jar = store.refresh(&jar, &new, DUE).await;
    assert_eq!(store.open(&jar, DUE).await.known, before);
}

pub(crate) async fn commit_without_a_refresh_token_keeps_the_old_one(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let jar = store.refresh(&jar, &Refreshed { refresh_token: None, ..new_tokens(DUE) }, DUE).await;
    let due = store.open(&jar, DUE + DUE).await.refreshable.unwrap();
    assert_eq!(due.refresh_token.expose(), "refresh 1");
}

pub(crate) async fn commit_without_a_later_expiry_delays_the_next_refresh(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let new = Refreshed { refresh_token: Some(Secret::new("refresh 2")), ..no_tokens() };
    let jar = store.refresh(&jar, &new, DUE).await;
    let states = store.states(&jar, [LIFE - 1, LIFE, LIFE + 4, LIFE + 5]).await;
    let unknown = || State::Undetermined(Outage::Provider);
    assert_eq!(states, [State::Usable, unknown(), unknown(), State::Refreshable]);
    assert_eq!(store.lease(&jar, LIFE + 5).await.session.refresh_token.expose(), "refresh 2");
}

async fn refuses(store: &StoreUnderTest, lease: &Lease, seconds: u64) -> bool {
    let commit = store.commit(lease, &new_tokens(seconds), seconds).await;
    matches!(commit, Commit::Ended | Commit::Superseded)
}

pub(crate) async fn commit_without_the_current_lease_is_too_late(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let used = store.lease(&jar, DUE).await;
    store.commit(&used, &new_tokens(DUE), DUE).await;
    assert!(refuses(&store, &used, DUE + 9).await);
    let due = DUE + DUE;
    let released = store.lease(&jar, due).await;
    assert!(refuses(&store, &used, due).await);
    store.sessions.release(&released, Release::RetryAt(at(due))).await;
    assert!(refuses(&store, &released, due).await);
    assert_eq!(store.open(&jar, due).await.refreshable.unwrap().generation, 2);
}
