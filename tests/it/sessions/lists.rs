//! The list of a user's sessions, and their end by the user

use std::sync::Arc;
use std::time::Duration;

use foregate::flow::ports::{
    Absence, ListedSession, OpenResult, SessionLists, SessionRequest, StoreUnavailable, Which, Workspace,
};
use foregate::session::codec::seal::KeyRing;

use crate::sessions::fixture::{
    Jar, NOW, Settings, SignIn, State, StoreUnderTest, at, new_tokens, origins, request,
};
use crate::sessions::{FixedClock, ticket_store_of};

/// A store and its lists.
struct Scene {
    keys: Arc<KeyRing>,
    store: StoreUnderTest,
    lists: Arc<dyn SessionLists>,
}

fn scene(settings: Settings, fresh: Duration) -> Scene {
    let keys = Arc::new(KeyRing::new(&[[7; 32]]).unwrap());
    let (store, lists) = ticket_store_of(Arc::clone(&keys), settings, fresh, FixedClock(NOW));
    Scene { keys, store, lists }
}

impl Scene {
    async fn list(&self, jar: &Jar, seconds: u64) -> Result<Vec<ListedSession>, StoreUnavailable> {
        let (headers, origin, now) = (request(jar), &origins()[0], at(seconds));
        self.lists.list(SessionRequest { headers: &headers, origin, now, active: false, found: None }).await
    }

    async fn end(&self, jar: &Jar, which: Which<'_>) -> Result<usize, StoreUnavailable> {
        let (headers, origin, now) = (request(jar), &origins()[0], at(1));
        let request = SessionRequest { headers: &headers, origin, now, active: false, found: None };
        self.lists.end_listed(request, which).await
    }

    async fn begin(&self, subject: &'static str) -> Jar {
        self.store.begin(SignIn::of(subject, "")).await
    }
}

#[tokio::test]
async fn user_sees_and_ends_only_their_own_sessions() {
    // The rows of this store stay young, so an ended session must leave the cache too.
    let scene = scene(<_>::default(), Duration::from_secs(100));
    let [first, second, third] =
        [scene.begin("alice").await, scene.begin("alice").await, scene.begin("alice").await];
    let bob = scene.begin("bob").await;
    let of_first = scene.list(&first, 1).await.unwrap();
    assert_eq!(of_first.iter().map(|session| session.is_current).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(scene.list(&bob, 1).await.unwrap().len(), 1);
    assert_eq!(scene.list(&Jar::new(), 1).await, Ok(vec![]));

    for (jar, id) in [
        (&first, &*of_first[0].id),
        (&second, &of_first[1].id),
        (&second, &of_first[2].id),
        (&bob, &of_first[1].id),
        (&first, ""),
    ] {
        assert_eq!(scene.end(jar, Which::One(id)).await, Ok(0), "{id}");
    }
    assert_eq!(scene.end(&bob, Which::AllOthers).await, Ok(0));
    assert_eq!(scene.list(&first, 1).await.unwrap(), of_first);

    assert_eq!(scene.end(&first, Which::One(&of_first[1].id)).await, Ok(1));
    assert_eq!(scene.end(&first, Which::One(&of_first[1].id)).await, Ok(0));
    let mut states = [scene.store.state(&second, 1).await, scene.store.state(&third, 1).await];
    states.sort_by_key(|state| *state == State::Usable);
    assert_eq!(states, [State::Absent(Absence::Ended), State::Usable]);
    let _more = scene.begin("alice").await;
    assert_eq!(scene.end(&first, Which::AllOthers).await, Ok(2));
    assert_eq!(scene.list(&first, 1).await.unwrap(), of_first[..1]);
    assert_eq!(scene.store.state(&bob, 1).await, State::Usable);
}

#[tokio::test]
async fn session_that_was_ended_during_its_refresh_stays_ended() {
    let scene = scene(<_>::default(), Duration::ZERO);
    let (jar, other) = (scene.begin("alice").await, scene.begin("alice").await);
    let lease = scene.store.lease(&other, 80).await;
    assert_eq!(scene.end(&jar, Which::AllOthers).await, Ok(1));
    scene.store.commit(&lease, &new_tokens(80), 80).await;
    assert_eq!(scene.store.state(&other, 80).await, State::Absent(Absence::Ended));
}

#[tokio::test]
async fn list_has_the_sessions_of_all_keys() {
    let scene = scene(<_>::default(), Duration::ZERO);
    let old = scene.begin("alice").await;
    scene.keys.replace([&[8; 32], &[7; 32]]).unwrap();
    let new = scene.begin("alice").await;
    for jar in [&old, &new] {
        assert_eq!(scene.list(jar, 1).await.unwrap().len(), 2);
    }
    assert_eq!(scene.end(&new, Which::AllOthers).await, Ok(1));
    assert_eq!(scene.store.state(&old, 1).await, State::Absent(Absence::Ended));
}

#[tokio::test]
async fn last_use_is_known_to_five_minutes_without_an_idle_time() {
    let scene = scene(<_>::default(), Duration::from_secs(10_000));
    let jar = scene.store.begin(SignIn { refresh_token: None, ..SignIn::default() }).await;
    let needs_a_lookup = |seconds, active| {
        let (headers, origin, now) = (request(&jar), &origins()[0], at(seconds));
        let request = SessionRequest { headers: &headers, origin, now, active, found: None };
        matches!(scene.store.sessions.open(&mut Workspace::new(), request), OpenResult::Ask(_))
    };
    assert!(!needs_a_lookup(299, true) && !needs_a_lookup(300, false) && needs_a_lookup(300, true));
    for (seconds, recorded) in [(299, 0), (300, 300), (599, 300), (600, 600)] {
        scene.store.state(&jar, seconds).await;
        assert_eq!(scene.list(&jar, 1).await.unwrap()[0].active_at, at(recorded), "{seconds}");
    }
}

#[tokio::test]
async fn idle_session_is_not_in_the_list() {
    let scene = scene(Settings { idle: Some(Duration::from_secs(30)), ..<_>::default() }, Duration::ZERO);
    let (_idle, jar) = (scene.begin("alice").await, scene.begin("alice").await);
    assert_eq!(scene.list(&jar, 29).await.unwrap().len(), 2);
    scene.store.state(&jar, 20).await;
    assert_eq!(scene.list(&jar, 30).await.unwrap().len(), 1);
}

#[tokio::test]
async fn unavailable_store_lists_and_ends_nothing() {
    let scene = scene(<_>::default(), Duration::from_secs(100));
    let (jar, other) = (scene.begin("alice").await, scene.begin("alice").await);
    scene.store.set_unavailable(true);
    assert_eq!(scene.list(&jar, 1).await, Err(StoreUnavailable));
    assert_eq!(scene.end(&jar, Which::AllOthers).await, Err(StoreUnavailable));
    scene.store.set_unavailable(false);
    assert_eq!(scene.store.state(&other, 1).await, State::Usable);
}
