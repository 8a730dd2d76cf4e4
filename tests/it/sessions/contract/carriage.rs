//! Session cookies of a client, genuine and forged

use foregate::access::policy::PolicyVerdicts;
use foregate::flow::ports::Absence;

use crate::sessions::fixture::{DUE, Factory, Jar, SignIn, State, at, origins, receive, request};

const REFUSED: State = State::Absent(Absence::Refused);

pub(crate) async fn new_session_opens_as_it_began(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let seen = store.open(&jar, 1).await;
    assert_eq!(seen.state, State::Usable);
    assert_eq!(seen.known.identity, ["alice-sub", "alice", "alice@example.com", "dev,ops"]);
    assert_eq!(seen.known.id_token, "head.first.signature");
    assert_eq!(seen.known.policies, Some(PolicyVerdicts { generation: 5, met: 3 }));
    assert_eq!(seen.known.times, [at(0).0, at(3600).0]);
    assert_eq!(seen.known.authentication, (Some(at(0).0), Some("gold".to_owned())));
    assert!(seen.pending_cookies.is_none(), "the client has them");
    let due = store.open(&jar, DUE).await.refreshable.unwrap();
    assert_eq!((due.generation, &*due.subject, due.refresh_token.expose()), (1, "alice-sub", "refresh 1"));
    assert_eq!((due.origin.as_str(), due.active_at, due.ends_at), (origins()[0].as_str(), at(DUE), at(3600)));
}

pub(crate) async fn other_cookies_are_returned_without_session_cookies(store: Factory) {
    let store = store(<_>::default());
    let ours = store.begin(SignIn { id_token: LONG_ID_TOKEN, ..<_>::default() }).await;
    let others = ["theme=dark", "lang=\"en; de\"", "foregate2=no"].map(str::to_owned);
    let jar = [&others[..1], &ours[..], &others[1..]].concat();
    let seen = store.open(&jar, 1).await;
    assert_eq!((seen.state, seen.other_cookies), (State::Usable, others.join("; ")));
    let changed = ours.iter().map(|pair| format!("{pair}x")).collect();
    for ours in [Jar::new(), changed] {
        let seen = store.open(&[ours, others.to_vec()].concat(), 1).await;
        assert!(matches!(seen.state, State::Absent(_)));
        assert_eq!(seen.other_cookies, others.join("; "));
    }
}

/// In the cookie store, a session with this token takes two cookies.
const LONG_ID_TOKEN: &str = {
    const BYTES: [u8; 5000] = [b'x'; 5000];
    match str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

pub(crate) async fn request_without_session_cookie_has_no_session(store: Factory) {
    let store = store(<_>::default());
    for jar in [Jar::new(), vec!["theme=dark".to_owned()]] {
        assert_eq!(store.state(&jar, 1).await, State::Absent(Absence::NoCookie));
    }
}

pub(crate) async fn forged_cookie_is_refused(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let (name, value) = jar[0].split_once('=').unwrap();
    for forged in ["", ".", "x", "AAAA.AAAA", "../x", &"A".repeat(value.len()), &"A".repeat(9000)] {
        assert_eq!(store.state(&[format!("{name}={forged}")], 1).await, REFUSED, "{forged}");
    }
}

pub(crate) async fn cookie_with_a_changed_character_is_refused(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let value = jar[0].find('=').unwrap() + 1;
    for place in value..jar[0].len() {
        for other in ["A", "B", "."] {
            let mut changed = jar[0].clone();
            changed.replace_range(place..=place, other);
            let expected = if changed == jar[0] { State::Usable } else { REFUSED };
            assert_eq!(store.state(&[changed], 1).await, expected, "{place} {other}");
        }
    }
}

pub(crate) async fn cookie_of_another_length_is_refused(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let value = jar[0].find('=').unwrap() + 1;
    for len in value..jar[0].len() {
        assert_eq!(store.state(&[jar[0][..len].to_owned()], 1).await, REFUSED, "{len}");
    }
    for more in ["A", "AAAA", ".", ".AAAA", "="] {
        assert_eq!(store.state(&[format!("{}{more}", jar[0])], 1).await, REFUSED, "{more}");
    }
}

pub(crate) async fn repeated_session_cookie_is_refused(store: Factory) {
    let store = store(<_>::default());
    let (one, two) = (store.begin(SignIn::default()).await, store.begin(SignIn::default()).await);
    for jar in [[one.clone(), two].concat(), [one.clone(), one].concat()] {
        assert_eq!(store.state(&jar, 1).await, REFUSED);
    }
}

pub(crate) async fn cookie_of_another_origin_is_refused(store: Factory) {
    let store = store(<_>::default());
    let jar = store.begin(SignIn::default()).await;
    let [own, other] = origins();
    assert_eq!(store.open_at(&jar, 1, &other, true).await.state, REFUSED);
    assert_eq!(store.open_at(&jar, 1, &own, true).await.state, State::Usable);
}

pub(crate) async fn each_sign_in_has_its_own_session(store: Factory) {
    let store = store(<_>::default());
    let (one, two) = (store.begin(SignIn::default()).await, store.begin(SignIn::default()).await);
    assert_ne!(one, two);
    let [first, second] =
        [store.open(&one, DUE).await, store.open(&two, DUE).await].map(|seen| seen.refreshable.unwrap().id);
    assert_ne!(first, second);
    store.end(&one, 1).await.unwrap();
    assert_eq!(store.state(&two, 1).await, State::Usable);
}

pub(crate) async fn sign_in_replaces_the_cookies_of_an_older_session(store: Factory) {
    let store = store(<_>::default());
    let old = store.begin(SignIn { id_token: LONG_ID_TOKEN, ..<_>::default() }).await;
    let jar = receive(&old, &store.sign_in(SignIn::of("bob-sub", "sid-2"), &old).await.unwrap());
    assert_eq!(store.open(&jar, 1).await.known.identity[0], "bob-sub");
    assert!(jar.iter().all(|pair| !old.contains(pair)), "nothing of the old session is left");
}

pub(crate) async fn session_cookies_are_hidden_from_scripts_and_other_hosts(store: Factory) {
    let store = store(<_>::default());
    let begun = store.sign_in(SignIn::default(), &[]).await.unwrap();
    let jar = receive(&Jar::new(), &begun);
    let removed = store.end(&jar, 1).await.unwrap().cookies;
    for cookie in [begun, removed].concat() {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for attribute in ["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    assert_eq!(request(&jar).len(), 1);
}
