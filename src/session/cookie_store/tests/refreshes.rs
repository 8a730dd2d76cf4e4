//! Tests of refreshed sessions, in the same process and after a restart

use super::*;
use crate::flow::ports::{RefreshedIdToken, Session};

/// Life of a token in seconds. A refresh is due after 60 to 75.
pub(super) const LIFE: u64 = 100;
pub(super) const DUE: u64 = 75;

pub(super) fn at(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

pub(super) fn store_with(began_after: u64, lifetimes: impl FnOnce(&mut Lifetimes)) -> CookieStore {
    let mut chosen =
        Lifetimes { session: Duration::from_secs(3600), idle: None, require_fresh_id_token: false };
    lifetimes(&mut chosen);
    let origins = Origins::new(vec![origin()]);
    let keys = Arc::new(KeyRing::new(&[[7; 32]]).unwrap());
    let bounds = (chosen, Room { sessions: 10_000, per_user: 10_000 });
    let client = ("https://idp.test", "foregate");
    let began = at(began_after);
    CookieStore::new(keys, Arc::new(System), &origins, client, bounds, Arc::new(Silent), began).unwrap()
}

pub(super) fn store_started(after: u64) -> CookieStore {
    store_with(after, |_| ())
}

pub(super) fn begin_at(store: &CookieStore, now: UnixTime, refresh_ends: Option<u64>) -> Vec<String> {
    let refresh_expires_at = refresh_ends.map(|seconds| UnixTime(now.0 + seconds));
    begin_session(store, now, IssuerIndex::FIRST, &TokenSet { refresh_expires_at, ..tokens(now) })
}

pub(super) fn begin_at_issuer(store: &CookieStore, issuer: IssuerIndex) -> Vec<String> {
    begin_session(store, NOW, issuer, &tokens(NOW))
}

fn tokens(now: UnixTime) -> TokenSet {
    TokenSet {
        id_token: Secret::new("a.b.first"),
        refresh_token: Some(Secret::new("refresh 1")),
        expires_at: UnixTime(now.0 + LIFE),
        requested_at: now,
        id_token_issued_at: now,
        authentication: Authentication::default(),
        id_token_expires_at: UnixTime(now.0 + LIFE),
        refresh_expires_at: None,
    }
}

fn begin_session(store: &CookieStore, now: UnixTime, issuer: IssuerIndex, tokens: &TokenSet) -> Vec<String> {
    let identity = Identity::new("subject", "alice").unwrap();
    let policies = PolicyVerdicts { generation: 1, met: 1 };
    let new = NewSession { issuer, identity: &identity, tokens, policies, sid: "sid-1", address: None };
    pairs_of(&complete(store.begin(new, &HeaderMap::new(), &origin(), now)).unwrap())
}

pub(super) fn begin_default(store: &CookieStore) -> Vec<String> {
    begin_at(store, NOW, None)
}

pub(super) fn pairs_of(cookies: &[HeaderValue]) -> Vec<String> {
    cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

/// Acquires the lease of a session that can be refreshed.
pub(super) fn lease(store: &CookieStore, seen: PresentedState, now: UnixTime) -> Lease {
    complete(store.lease(*seen.refreshable.unwrap(), now)).unwrap()
}

/// The state of a presented cookie as one word, with its tokens and the pending cookies.
pub(super) struct PresentedState {
    pub(super) state: &'static str,
    pub(super) id_token: String,
    groups: String,
    authentication: Authentication,
    pub(super) pending: Vec<String>,
    pub(super) refreshable: Option<Box<Refreshable>>,
}

pub(super) fn present(store: &CookieStore, cookies: &[String], now: UnixTime) -> PresentedState {
    present_as(store, cookies, now, true)
}

pub(super) fn present_as(
    store: &CookieStore,
    cookies: &[String],
    now: UnixTime,
    active: bool,
) -> PresentedState {
    let (headers, origin, mut workspace) = (request(cookies), origin(), Workspace::new());
    let opened = opened(store.open(&mut workspace, session_request(&headers, &origin, now, active)));
    let pending = opened.pending_cookies.map(|cookies| pairs_of(&cookies)).unwrap_or_default();
    let (mut id_token, mut groups) = (Vec::new(), String::new());
    let mut authentication = Authentication::default();
    let (state, refreshable) = match opened.state {
        SessionState::Usable(Session { credential, due, auth_time, acr, .. }) => {
            authentication = Authentication { auth_time, acr: acr.map(str::to_owned) };
            credential.id_token.write(&mut id_token);
            groups = credential.user.groups.to_owned();
            (if due.is_some() { "due" } else { "usable" }, due)
        }
        SessionState::Refreshable(session) => ("refreshable", Some(session)),
        SessionState::Absent(Absence::Expired) => ("expired", None),
        SessionState::Absent(Absence::Ended) => ("ended", None),
        SessionState::Absent(_) => ("absent", None),
        SessionState::Undetermined(_) => ("undetermined", None),
    };
    let id_token = String::from_utf8(id_token).unwrap();
    PresentedState { state, id_token, groups, authentication, pending, refreshable }
}

pub(super) fn state(store: &CookieStore, cookies: &[String], seconds: u64) -> &'static str {
    present(store, cookies, at(seconds)).state
}

/// Refreshes a session for another hundred seconds. The user has another group now. Returns the pending cookies.
pub(super) fn refresh(store: &CookieStore, cookies: &[String], now: UnixTime) -> Vec<String> {
    let text = Secret::new("a.b.second");
    let expires_at = UnixTime(now.0 + LIFE);
    let id_token =
        RefreshedIdToken { text, expires_at, authentication: Authentication::default(), claims: [].into() };
    refresh_with(store, cookies, now, Some(id_token))
}

pub(super) fn refresh_with(
    store: &CookieStore,
    cookies: &[String],
    now: UnixTime,
    id_token: Option<RefreshedIdToken>,
) -> Vec<String> {
    let held = lease(store, present(store, cookies, now), now);
    let mut identity = Identity::new("subject", "alice").unwrap();
    identity.add_group("new").unwrap();
    let user = id_token.as_ref().map(|_| (&identity, PolicyVerdicts { generation: 2, met: 1 }));
    let refreshed = Refreshed {
        id_token,
        refresh_token: Some(Secret::new("refresh 2")),
        access_expires_at: Some(UnixTime(now.0 + LIFE)),
        refresh_expires_at: None,
    };
    let committed = complete(store.commit(&held, &refreshed, user, now)).unwrap();
    assert_eq!(committed, Commit::Committed { last_was_not_delivered: false });
    present(store, cookies, now).pending
}

#[test]
fn refresh_is_due_at_60_to_75_percent_of_token_life() {
    for _ in 0..20 {
        let store = store();
        let cookies = begin_default(&store);
        assert_eq!([state(&store, &cookies, 59), state(&store, &cookies, DUE)], ["usable", "due"]);
        assert_eq!(
            [state(&store, &cookies, LIFE - 1), state(&store, &cookies, LIFE)],
            ["due", "refreshable"]
        );
    }
}

#[test]
fn old_cookie_uses_newest_tokens_until_browser_has_had_them_for_a_minute() {
    let store = store();
    let old = begin_default(&store);
    let new = refresh(&store, &old, at(DUE));
    let seen = present(&store, &old, at(LIFE + 1));
    assert_eq!((seen.state, &*seen.id_token, &*seen.groups), ("usable", "a.b.second", "new"));
    assert_eq!(seen.pending, new);
    let shown = present(&store, &new, at(LIFE + 1));
    assert_eq!((shown.state, &*shown.id_token, shown.pending.len()), ("usable", "a.b.second", 0));
    let late = present(&store, &old, at(LIFE + 60));
    assert_eq!((late.state, &*late.id_token), ("due", "a.b.second"), "the browser sent it before");
    assert_eq!(state(&store, &old, LIFE + 61), "expired", "its refresh token is never sent again");
    assert_eq!(state(&store, &old, LIFE - 1), "usable");
}

#[test]
fn auth_time_and_acr_stay_unless_a_new_id_token_has_them() {
    let authentication = |auth_time: Option<u64>, acr: Option<&str>| Authentication {
        auth_time: auth_time.map(UnixTime),
        acr: acr.map(str::to_owned),
    };
    for (new, expected) in [
        (None, authentication(Some(5), Some("1"))),
        (Some(authentication(None, None)), authentication(Some(5), Some("1"))),
        (Some(authentication(Some(9), None)), authentication(Some(9), Some("1"))),
        (Some(authentication(None, Some("2"))), authentication(Some(5), Some("2"))),
        (Some(authentication(Some(9), Some("2"))), authentication(Some(9), Some("2"))),
    ] {
        let store = store();
        let first = TokenSet { authentication: authentication(Some(5), Some("1")), ..tokens(NOW) };
        let old = begin_session(&store, NOW, IssuerIndex::FIRST, &first);
        assert_eq!(present(&store, &old, NOW).authentication, authentication(Some(5), Some("1")));
        let id_token = new.map(|authentication| RefreshedIdToken {
            text: Secret::new("a.b.second"),
            expires_at: at(DUE + LIFE),
            authentication,
            claims: [].into(),
        });
        let newer = refresh_with(&store, &old, at(DUE), id_token);
        assert_eq!(present(&store, &newer, at(DUE)).authentication, expected);
    }
    let store = store();
    assert_eq!(present(&store, &begin_default(&store), NOW).authentication, Authentication::default());
}

#[test]
fn refresh_sends_the_newest_refresh_token() {
    let store = store();
    let old = begin_default(&store);
    let sent = |cookies: &[String], seconds| {
        present(&store, cookies, at(seconds)).refreshable.unwrap().refresh_token.expose().to_owned()
    };
    assert_eq!(sent(&old, DUE), "refresh 1");
    let new = refresh(&store, &old, at(DUE));
    assert_eq!(sent(&old, DUE + DUE), "refresh 2");
    assert_eq!(sent(&new, DUE + DUE), "refresh 2");
}

#[test]
fn token_that_an_earlier_process_may_have_used_is_not_sent() {
    let before = store();
    let first = begin_default(&before);
    assert_eq!(state(&store_started(10), &first, DUE), "due", "the earlier process cannot have refreshed it");
    let late = store_started(DUE);
    assert_eq!([state(&late, &first, DUE), state(&late, &first, LIFE)], ["usable", "expired"]);
    let second = refresh(&before, &first, at(DUE));
    assert_eq!(state(&store_started(DUE + 10), &second, DUE + DUE), "due", "it was not due before");
    let late = store_started(DUE + DUE);
    assert_eq!([state(&late, &second, DUE + DUE), state(&late, &second, DUE + LIFE)], ["usable", "expired"]);
}

#[test]
fn lost_refresh_response_keeps_session_until_tokens_expire() {
    let store = store();
    let cookies = begin_default(&store);
    let held = lease(&store, present(&store, &cookies, at(DUE)), at(DUE));
    assert_eq!(state(&store, &cookies, DUE), "usable");
    complete(store.release(&held, Release::TokenSpent));
    assert_eq!([state(&store, &cookies, LIFE - 1), state(&store, &cookies, LIFE)], ["usable", "expired"]);
}

#[test]
fn failed_refresh_makes_session_undetermined_not_expired() {
    let store = store();
    let cookies = begin_default(&store);
    let held = lease(&store, present(&store, &cookies, at(LIFE)), at(LIFE));
    assert_eq!(state(&store, &cookies, LIFE), "refreshable", "another request can wait for the refresh");
    complete(store.release(&held, Release::RetryAt(at(LIFE + 10))));
    assert_eq!(
        [state(&store, &cookies, LIFE + 9), state(&store, &cookies, LIFE + 10)],
        ["undetermined", "refreshable"]
    );
}

#[test]
fn session_ends_with_its_lifetime_or_refresh_token() {
    let store = store();
    let cookies = begin_at(&store, NOW, Some(150));
    assert_eq!([state(&store, &cookies, 149), state(&store, &cookies, 150)], ["refreshable", "expired"]);
    let long = begin_default(&store);
    assert_eq!([state(&store, &long, 3599), state(&store, &long, 3600)], ["refreshable", "expired"]);
    let late = refresh(&store, &long, at(3590));
    assert_eq!([state(&store, &late, 3599), state(&store, &late, 3600)], ["usable", "expired"]);
}

#[test]
fn expired_id_token_is_not_passed_on_and_can_end_the_session() {
    for (require_fresh_id_token, then) in [(false, "usable"), (true, "expired")] {
        let store = store_with(0, |lifetimes| lifetimes.require_fresh_id_token = require_fresh_id_token);
        let cookies = begin_default(&store);
        refresh_with(&store, &cookies, at(DUE), None);
        let seen = present(&store, &cookies, at(DUE + 1));
        assert_eq!(&*seen.id_token, "a.b.first");
        let seen = present(&store, &cookies, at(LIFE + 1));
        assert_eq!((seen.state, &*seen.id_token), (then, ""));
    }
}

#[test]
fn repeated_cookie_does_not_make_earlier_process_token_available() {
    for idle in [None, Some(Duration::from_secs(500))] {
        let cookies = begin_default(&store());
        let late = store_with(DUE, |lifetimes| lifetimes.idle = idle);
        for (second, expected) in
            [(DUE, "usable"), (DUE + 1, "usable"), (LIFE, "expired"), (LIFE + 1, "expired")]
        {
            assert_eq!(state(&late, &cookies, second), expected, "{idle:?} {second}");
        }
    }
}

#[test]
fn sign_out_with_old_cookie_ends_newer_cookies_until_session_end() {
    let before = store();
    let first = begin_at(&before, NOW, Some(150));
    let second = refresh(&before, &first, at(DUE));
    let after = store_started(DUE + 1);
    end(&after, &first, at(DUE + 1));
    for seconds in [400, 800] {
        // Ids are random, so 400 sign-ins sweep every shard of the registry.
        for _ in 0..400 {
            begin_at(&after, at(seconds), Some(1));
        }
        assert_eq!(present_as(&after, &second, at(seconds), false).state, "ended", "{seconds}");
    }
}

#[test]
fn second_process_with_same_key_is_detected_but_not_a_restart() {
    let first = store();
    present(&first, &begin_at(&store(), at(HANDOVER_SECONDS), None), at(130));
    assert!(!first.is_shared(), "the earlier process may seal while it drains");
    present(&first, &begin_at(&first, at(200), None), at(200));
    assert!(!first.is_shared());
    present(&first, &begin_at(&store(), at(HANDOVER_SECONDS + 1), None), at(130));
    assert!(first.is_shared());
}

#[test]
fn sign_out_returns_the_newest_refresh_token() {
    let store = store();
    let old = begin_default(&store);
    refresh(&store, &old, at(DUE));
    let ended = end(&store, &old, at(DUE));
    assert_eq!(ended.refresh_token.unwrap().expose(), "refresh 2");
    assert!(end(&store, &[], at(DUE)).refresh_token.is_none());
}

#[test]
fn copied_cookie_is_rejected_after_sign_out() {
    let store = store();
    let cookies = begin_default(&store);
    end(&store, &cookies, at(1));
    assert_eq!(state(&store, &cookies, 2), "ended");
}

#[test]
fn unchanged_token_expiry_delays_the_next_refresh() {
    let store = store();
    let first = begin_default(&store);
    let refresh_at = |cookies: &[String], second: u64, access: Option<u64>| {
        let held = lease(&store, present(&store, cookies, at(second)), at(second));
        let refreshed = Refreshed {
            id_token: None,
            refresh_token: Some(Secret::new("refresh")),
            access_expires_at: access.map(at),
            refresh_expires_at: None,
        };
        complete(store.commit(&held, &refreshed, None, at(second))).unwrap();
        present(&store, cookies, at(second)).pending
    };
    let second = refresh_at(&first, DUE, None);
    assert_eq!([state(&store, &second, LIFE - 1), state(&store, &second, LIFE)], ["usable", "undetermined"]);
    assert_eq!(state(&store, &second, DUE + 30), "refreshable", "the refresh is retried");
    let third = refresh_at(&second, DUE + 30, Some(DUE + 30));
    assert_eq!(state(&store, &third, DUE + 31), "refreshable", "its tokens expired before the response");
    let fourth = refresh_at(&third, DUE + 60, Some(DUE + 160));
    assert_eq!(state(&store, &fourth, DUE + 61), "usable");
}

#[test]
fn older_cookie_does_not_make_spent_token_available() {
    let first = store();
    let one = begin_default(&first);
    let two = refresh(&first, &one, at(DUE));
    let late = store_with(DUE + DUE, |lifetimes| lifetimes.idle = Some(Duration::from_secs(3000)));
    assert_eq!(state(&late, &one, DUE + DUE + 1), "expired");
    assert_eq!(
        state(&late, &two, DUE + DUE + 1),
        "usable",
        "an earlier process may have sent its refresh token"
    );
}
