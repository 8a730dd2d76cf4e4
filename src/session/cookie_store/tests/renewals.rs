//! What becomes of a session whose tokens are renewed, in this process and in the next?

use super::*;
use crate::flow::ports::{RefreshedIdToken, Session};

/// Tokens of 100 seconds, due after 60 to 75.
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

pub(super) fn store_began(after: u64) -> CookieStore {
    store_with(after, |_| ())
}

pub(super) fn begun_with(store: &CookieStore, now: UnixTime, refresh_ends: Option<u64>) -> Vec<String> {
    let refresh_expires_at = refresh_ends.map(|seconds| UnixTime(now.0 + seconds));
    begin_session(store, now, IssuerIndex::FIRST, &TokenSet { refresh_expires_at, ..tokens(now) })
}

pub(super) fn begun_at_issuer(store: &CookieStore, issuer: IssuerIndex) -> Vec<String> {
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
    let new = NewSession { issuer, identity: &identity, tokens, policies, sid: "sid-1" };
    pairs_of(&done(store.begin(new, &HeaderMap::new(), &origin(), now)).unwrap())
}

pub(super) fn begun(store: &CookieStore) -> Vec<String> {
    begun_with(store, NOW, None)
}

pub(super) fn pairs_of(cookies: &[HeaderValue]) -> Vec<String> {
    cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

/// The lease of a session that can be refreshed.
pub(super) fn lease(store: &CookieStore, seen: Seen, now: UnixTime) -> Lease {
    done(store.lease(*seen.renewable.unwrap(), now)).unwrap()
}

/// What a cookie comes to, in a word, with the ID token and what is delivered.
pub(super) struct Seen {
    pub(super) what: &'static str,
    id_token: String,
    groups: String,
    authentication: Authentication,
    pub(super) deliver: Vec<String>,
    pub(super) renewable: Option<Box<Refreshable>>,
}

pub(super) fn look(store: &CookieStore, cookies: &[String], now: UnixTime) -> Seen {
    look_as(store, cookies, now, true)
}

pub(super) fn look_as(store: &CookieStore, cookies: &[String], now: UnixTime, active: bool) -> Seen {
    let (headers, origin, mut workspace) = (request(cookies), origin(), Workspace::new());
    let opened = opened(store.open(&mut workspace, asked(&headers, &origin, now, active)));
    let deliver = opened.pending_cookies.map(|cookies| pairs_of(&cookies)).unwrap_or_default();
    let (mut id_token, mut groups) = (Vec::new(), String::new());
    let mut authentication = Authentication::default();
    let (what, renewable) = match opened.state {
        SessionState::Usable(Session { credential, due, auth_time, acr, .. }) => {
            authentication = Authentication { auth_time, acr: acr.map(str::to_owned) };
            credential.id_token.write(&mut id_token);
            groups = credential.user.groups.to_owned();
            (if due.is_some() { "due" } else { "good" }, due)
        }
        SessionState::Refreshable(stale) => ("stale", Some(stale)),
        SessionState::Absent(Absence::Expired) => ("expired", None),
        SessionState::Absent(Absence::Ended) => ("ended", None),
        SessionState::Absent(_) => ("absent", None),
        SessionState::Undetermined(_) => ("unknown", None),
    };
    let id_token = String::from_utf8(id_token).unwrap();
    Seen { what, id_token, groups, authentication, deliver, renewable }
}

pub(super) fn what(store: &CookieStore, cookies: &[String], seconds: u64) -> &'static str {
    look(store, cookies, at(seconds)).what
}

/// New tokens for another hundred seconds; the person has a group now.
pub(super) fn renew(store: &CookieStore, cookies: &[String], now: UnixTime) -> Vec<String> {
    let text = Secret::new("a.b.second");
    let expires_at = UnixTime(now.0 + LIFE);
    let id_token =
        RefreshedIdToken { text, expires_at, authentication: Authentication::default(), claims: [].into() };
    renew_with(store, cookies, now, Some(id_token))
}

fn renew_with(
    store: &CookieStore,
    cookies: &[String],
    now: UnixTime,
    id_token: Option<RefreshedIdToken>,
) -> Vec<String> {
    let held = lease(store, look(store, cookies, now), now);
    let mut identity = Identity::new("subject", "alice").unwrap();
    identity.add_group("new").unwrap();
    let user = id_token.as_ref().map(|_| (&identity, PolicyVerdicts { generation: 2, met: 1 }));
    let refreshed = Refreshed {
        id_token,
        refresh_token: Some(Secret::new("refresh 2")),
        access_expires_at: Some(UnixTime(now.0 + LIFE)),
        refresh_expires_at: None,
    };
    let renewed = done(store.commit(&held, &refreshed, user, now)).unwrap();
    assert_eq!(renewed, Commit::Committed { last_was_not_delivered: false });
    look(store, cookies, now).deliver
}

#[test]
fn tokens_are_due_at_60_to_75_percent_and_good_until_their_end() {
    for _ in 0..20 {
        let store = store();
        let cookies = begun(&store);
        assert_eq!([what(&store, &cookies, 59), what(&store, &cookies, DUE)], ["good", "due"]);
        assert_eq!([what(&store, &cookies, LIFE - 1), what(&store, &cookies, LIFE)], ["due", "stale"]);
    }
}

#[test]
fn an_old_cookie_is_answered_from_the_newest_tokens_until_the_browser_shows_them() {
    let store = store();
    let old = begun(&store);
    let new = renew(&store, &old, at(DUE));
    let seen = look(&store, &old, at(LIFE + 1));
    assert_eq!((seen.what, &*seen.id_token, &*seen.groups), ("good", "a.b.second", "new"));
    assert_eq!(seen.deliver, new);
    let shown = look(&store, &new, at(LIFE + 1));
    assert_eq!((shown.what, &*shown.id_token, shown.deliver.len()), ("good", "a.b.second", 0));
    assert_eq!(what(&store, &old, LIFE + 1), "expired", "and its refresh token is never sent again");
    assert_eq!(what(&store, &old, LIFE - 1), "good");
}

#[test]
fn auth_time_and_acr_stay_unless_a_new_id_token_has_them() {
    let said = |auth_time: Option<u64>, acr: Option<&str>| Authentication {
        auth_time: auth_time.map(UnixTime),
        acr: acr.map(str::to_owned),
    };
    for (new, expected) in [
        (None, said(Some(5), Some("1"))),
        (Some(said(None, None)), said(Some(5), Some("1"))),
        (Some(said(Some(9), None)), said(Some(9), Some("1"))),
        (Some(said(None, Some("2"))), said(Some(5), Some("2"))),
        (Some(said(Some(9), Some("2"))), said(Some(9), Some("2"))),
    ] {
        let store = store();
        let first = TokenSet { authentication: said(Some(5), Some("1")), ..tokens(NOW) };
        let old = begin_session(&store, NOW, IssuerIndex::FIRST, &first);
        assert_eq!(look(&store, &old, NOW).authentication, said(Some(5), Some("1")));
        let id_token = new.map(|authentication| RefreshedIdToken {
            text: Secret::new("a.b.second"),
            expires_at: at(DUE + LIFE),
            authentication,
            claims: [].into(),
        });
        let newer = renew_with(&store, &old, at(DUE), id_token);
        assert_eq!(look(&store, &newer, at(DUE)).authentication, expected);
    }
    let store = store();
    assert_eq!(look(&store, &begun(&store), NOW).authentication, Authentication::default());
}

#[test]
fn the_newest_refresh_token_is_the_one_that_is_sent() {
    let store = store();
    let old = begun(&store);
    let sent = |cookies: &[String], seconds| {
        look(&store, cookies, at(seconds)).renewable.unwrap().refresh_token.expose().to_owned()
    };
    assert_eq!(sent(&old, DUE), "refresh 1");
    let new = renew(&store, &old, at(DUE));
    assert_eq!(sent(&old, DUE + DUE), "refresh 2");
    assert_eq!(sent(&new, DUE + DUE), "refresh 2");
}

#[test]
fn token_that_an_earlier_process_may_have_used_is_not_sent() {
    let before = store();
    let first = begun(&before);
    assert_eq!(what(&store_began(10), &first, DUE), "due", "the earlier process cannot have renewed it");
    let late = store_began(DUE);
    assert_eq!([what(&late, &first, DUE), what(&late, &first, LIFE)], ["good", "expired"]);
    let second = renew(&before, &first, at(DUE));
    assert_eq!(what(&store_began(DUE + 10), &second, DUE + DUE), "due", "it was not due before");
    let late = store_began(DUE + DUE);
    assert_eq!([what(&late, &second, DUE + DUE), what(&late, &second, DUE + LIFE)], ["good", "expired"]);
}

#[test]
fn a_lost_answer_lets_the_session_live_until_its_tokens_end() {
    let store = store();
    let cookies = begun(&store);
    let held = lease(&store, look(&store, &cookies, at(DUE)), at(DUE));
    assert_eq!(what(&store, &cookies, DUE), "good");
    done(store.release(&held, Release::TokenSpent));
    assert_eq!([what(&store, &cookies, LIFE - 1), what(&store, &cookies, LIFE)], ["good", "expired"]);
}

#[test]
fn a_provider_that_fails_makes_the_session_unknown_and_not_over() {
    let store = store();
    let cookies = begun(&store);
    let held = lease(&store, look(&store, &cookies, at(LIFE)), at(LIFE));
    assert_eq!(what(&store, &cookies, LIFE), "stale", "somebody asks, and one can wait");
    done(store.release(&held, Release::RetryAt(at(LIFE + 10))));
    assert_eq!([what(&store, &cookies, LIFE + 9), what(&store, &cookies, LIFE + 10)], ["unknown", "stale"]);
}

#[test]
fn a_session_ends_with_its_lifetime_or_its_refresh_token() {
    let store = store();
    let cookies = begun_with(&store, NOW, Some(150));
    assert_eq!([what(&store, &cookies, 149), what(&store, &cookies, 150)], ["stale", "expired"]);
    let long = begun(&store);
    assert_eq!([what(&store, &long, 3599), what(&store, &long, 3600)], ["stale", "expired"]);
    let late = renew(&store, &long, at(3590));
    assert_eq!([what(&store, &late, 3599), what(&store, &late, 3600)], ["good", "expired"]);
}

#[test]
fn an_id_token_that_is_over_is_not_handed_out_and_may_end_the_session() {
    for (require_fresh_id_token, then) in [(false, "good"), (true, "expired")] {
        let store = store_with(0, |lifetimes| lifetimes.require_fresh_id_token = require_fresh_id_token);
        let cookies = begun(&store);
        renew_with(&store, &cookies, at(DUE), None);
        let seen = look(&store, &cookies, at(DUE + 1));
        assert_eq!(&*seen.id_token, "a.b.first");
        let seen = look(&store, &cookies, at(LIFE + 1));
        assert_eq!((seen.what, &*seen.id_token), (then, ""));
    }
}

#[test]
fn an_idle_session_ends_and_a_poll_does_not_keep_it() {
    let store = store_with(0, |lifetimes| lifetimes.idle = Some(Duration::from_secs(50)));
    let cookies = begun(&store);
    assert_eq!(look_as(&store, &cookies, at(40), false).what, "good");
    assert_eq!(look_as(&store, &cookies, at(49), true).what, "good");
    assert_eq!(look_as(&store, &cookies, at(98), false).what, "due");
    for second in [99, 99, 100] {
        assert_eq!(
            look_as(&store, &cookies, at(second), true).what,
            "expired",
            "asking again revives nothing"
        );
    }
}

#[test]
fn after_a_restart_the_sealed_activity_counts() {
    let idle = |lifetimes: &mut Lifetimes| lifetimes.idle = Some(Duration::from_secs(50));
    let before = store_with(0, idle);
    let cookies = begun(&before);
    assert_eq!(look_as(&before, &cookies, at(40), true).what, "good");
    let after = store_with(45, idle);
    assert_eq!(look_as(&after, &cookies, at(49), true).what, "good");
    assert_eq!(look_as(&after, &cookies, at(98), true).what, "due", "from then on it is remembered");
    let late = store_with(45, idle);
    for second in [50, 50, 51] {
        assert_eq!(
            look_as(&late, &cookies, at(second), true).what,
            "expired",
            "asking again revives nothing"
        );
    }
    let polled = store_with(45, idle);
    assert_eq!(look_as(&polled, &cookies, at(49), false).what, "good");
    assert_eq!(look_as(&polled, &cookies, at(50), false).what, "expired", "a poll shows nobody");
}

#[test]
fn a_token_that_an_earlier_process_may_have_used_is_not_sent_however_often_its_cookie_comes() {
    for idle in [None, Some(Duration::from_secs(500))] {
        let cookies = begun(&store());
        let late = store_with(DUE, |lifetimes| lifetimes.idle = idle);
        for (second, expected) in [(DUE, "good"), (DUE + 1, "good"), (LIFE, "expired"), (LIFE + 1, "expired")]
        {
            assert_eq!(what(&late, &cookies, second), expected, "{idle:?} {second}");
        }
    }
}

#[test]
fn a_sign_out_by_an_old_cookie_ends_the_newer_ones_until_the_session_would_have_ended() {
    let before = store();
    let first = begun_with(&before, NOW, Some(150));
    let second = renew(&before, &first, at(DUE));
    let after = store_began(DUE + 1);
    end(&after, &first, at(DUE + 1));
    for seconds in [400, 800] {
        // Ids are random: so many sign-ins sweep every part of the table.
        for _ in 0..400 {
            begun_with(&after, at(seconds), Some(1));
        }
        assert_eq!(look_as(&after, &second, at(seconds), false).what, "ended", "{seconds}");
    }
}

#[test]
fn a_second_process_with_the_same_key_is_noticed_and_a_restart_is_none() {
    let first = store();
    look(&first, &begun_with(&store(), at(HANDOVER_SECONDS), None), at(130));
    assert!(!first.is_shared(), "the one before may seal while it goes");
    look(&first, &begun_with(&first, at(200), None), at(200));
    assert!(!first.is_shared());
    look(&first, &begun_with(&store(), at(HANDOVER_SECONDS + 1), None), at(130));
    assert!(first.is_shared());
}

#[test]
fn a_sign_out_gives_the_newest_refresh_token_back() {
    let store = store();
    let old = begun(&store);
    renew(&store, &old, at(DUE));
    let ended = end(&store, &old, at(DUE));
    assert_eq!(ended.refresh_token.unwrap().expose(), "refresh 2");
    assert!(end(&store, &[], at(DUE)).refresh_token.is_none());
}

#[test]
fn a_session_that_was_signed_out_is_over_for_an_old_copy_of_its_cookie() {
    let store = store();
    let cookies = begun(&store);
    end(&store, &cookies, at(1));
    assert_eq!(what(&store, &cookies, 2), "ended");
}

#[test]
fn a_provider_whose_tokens_are_no_longer_good_than_before_is_not_asked_at_each_request() {
    let store = store();
    let first = begun(&store);
    let renew_at = |cookies: &[String], second: u64, access: Option<u64>| {
        let held = lease(&store, look(&store, cookies, at(second)), at(second));
        let refreshed = Refreshed {
            id_token: None,
            refresh_token: Some(Secret::new("refresh")),
            access_expires_at: access.map(at),
            refresh_expires_at: None,
        };
        done(store.commit(&held, &refreshed, None, at(second))).unwrap();
        look(&store, cookies, at(second)).deliver
    };
    let second = renew_at(&first, DUE, None);
    assert_eq!([what(&store, &second, LIFE - 1), what(&store, &second, LIFE)], ["good", "unknown"]);
    assert_eq!(what(&store, &second, DUE + 30), "stale", "it is asked again");
    let third = renew_at(&second, DUE + 30, Some(DUE + 30));
    assert_eq!(what(&store, &third, DUE + 31), "stale", "the answer took longer than its tokens are good");
    let fourth = renew_at(&third, DUE + 60, Some(DUE + 160));
    assert_eq!(what(&store, &fourth, DUE + 61), "good");
}

#[test]
fn older_cookie_of_the_session_makes_no_spent_token_available() {
    let first = store();
    let one = begun(&first);
    let two = renew(&first, &one, at(DUE));
    let late = store_with(DUE + DUE, |lifetimes| lifetimes.idle = Some(Duration::from_secs(3000)));
    assert_eq!(what(&late, &one, DUE + DUE + 1), "expired");
    assert_eq!(
        what(&late, &two, DUE + DUE + 1),
        "good",
        "an earlier process may have sent its refresh token"
    );
}
