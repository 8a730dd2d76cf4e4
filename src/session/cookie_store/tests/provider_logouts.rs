//! Tests of sessions that a logout token ends

use super::refreshes::{
    DUE, LIFE, at, begin_at, begin_at_issuer, begin_default, lease, pairs_of, present, refresh, state,
    store_started,
};
use super::*;
use crate::flow::ports::Whom;

fn token(seconds: u64, whom: Whom) -> LogoutToken {
    let token_id = format!("{whom:?} {seconds}");
    LogoutToken {
        issuer: IssuerIndex::FIRST,
        token_id,
        issued_at: at(seconds),
        accepted_until: at(seconds + 660),
        whom,
    }
}

#[test]
fn token_of_another_issuer_ends_no_session_of_this_one() {
    let session = Whom::Session { sid: "sid-1".to_owned(), subject: None };
    for whom in [session, Whom::Subject("subject".to_owned())] {
        let store = store();
        let cookies = begin_default(&store);
        let theirs = LogoutToken { issuer: IssuerIndex(1), ..token(1, whom) };
        complete(store.end_by(&theirs, at(1))).unwrap();
        assert_eq!(state(&store, &cookies, 1), "usable");
    }
}

#[test]
fn session_of_another_issuer_is_ended_by_a_token_of_that_issuer_only() {
    let (store, other_issuer) = (store(), IssuerIndex(1));
    let cookies = begin_at_issuer(&store, other_issuer);
    let subject = Whom::Subject("subject".to_owned());
    complete(store.end_by(&token(1, subject.clone()), at(1))).unwrap();
    assert_eq!(state(&store, &cookies, 1), "usable");
    complete(store.end_by(&LogoutToken { issuer: other_issuer, ..token(1, subject) }, at(1))).unwrap();
    assert_eq!(state(&store, &cookies, 1), "ended");
}

#[test]
fn session_ended_by_logout_token_stays_ended() {
    let session = Whom::Session { sid: "sid-1".to_owned(), subject: None };
    for whom in [session, Whom::Subject("subject".to_owned())] {
        let store = store();
        let old = begin_default(&store);
        let held = lease(&store, present(&store, &old, at(DUE)), at(DUE));
        complete(store.end_by(&token(DUE, whom.clone()), at(DUE))).unwrap();
        assert_eq!(state(&store, &old, DUE), "ended");
        let refreshed = Refreshed {
            id_token: None,
            refresh_token: None,
            access_expires_at: None,
            refresh_expires_at: None,
        };
        assert_eq!(complete(store.commit(&held, &refreshed, None, at(DUE + 1))), Ok(Commit::Ended));
        assert_eq!(present(&store, &old, at(DUE + 1)).pending, Vec::<String>::new());
        // A store without the logout token delivers the result of the same refresh.
        let unmarked = store_started(0);
        let unmarked_lease = lease(&unmarked, present(&unmarked, &old, at(DUE)), at(DUE));
        complete(unmarked.commit(&unmarked_lease, &refreshed, None, at(DUE + 1))).unwrap();
        let new = present(&unmarked, &old, at(DUE + 1)).pending;
        assert_eq!([state(&unmarked, &new, DUE + 1), state(&store, &new, DUE + 1)], ["usable", "ended"]);
        assert_eq!(
            state(&store, &begin_at(&store, at(DUE + 1), None), DUE + 1),
            match whom {
                Whom::Session { .. } => "ended",
                Whom::Subject(_) => "usable",
            }
        );
    }
}

/// Puts the session of [`begin_default`] in doubt, with a logout mark that does not fit.
fn put_in_doubt(store: &CookieStore, seconds: u64) {
    let sid = |sid: String| Whom::Session { sid, subject: None };
    let mut number = 0;
    loop {
        let token = token(seconds, sid(format!("other {number}")));
        if complete(store.end_by(&token, at(seconds))) == Ok(LogoutEffect::MustRefresh) {
            break;
        }
        number += 1;
    }
    complete(store.end_by(&token(seconds, sid("sid-1".to_owned())), at(seconds))).unwrap();
}

#[test]
fn session_in_doubt_passes_again_after_one_refresh() {
    let store = store();
    let old = begin_default(&store);
    assert_eq!(state(&store, &old, 10), "usable");
    put_in_doubt(&store, 10);
    assert_eq!(state(&store, &old, 11), "refreshable", "its tokens have not expired, but it must refresh");
    let new = refresh(&store, &old, at(11));
    for cookies in [&old, &new, &old] {
        assert_eq!(state(&store, cookies, 12), "usable");
    }
}

#[test]
fn refresh_that_began_before_the_doubt_does_not_answer_it() {
    let store = store();
    let old = begin_default(&store);
    let held = lease(&store, present(&store, &old, at(DUE)), at(DUE));
    put_in_doubt(&store, DUE);
    let refreshed = Refreshed {
        id_token: None,
        refresh_token: None,
        access_expires_at: Some(at(DUE + LIFE)),
        refresh_expires_at: None,
    };
    complete(store.commit(&held, &refreshed, None, at(DUE + 2))).unwrap();
    assert_eq!(state(&store, &old, DUE + 2), "refreshable", "that refresh began before the doubt");
    refresh(&store, &old, at(DUE + 2));
    assert_eq!(state(&store, &old, DUE + 2), "usable", "in the same second, too");
}

#[test]
fn session_in_doubt_without_usable_refresh_token_is_not_usable() {
    let store = store();
    let old = begin_default(&store);
    put_in_doubt(&store, 5);
    let new = refresh(&store, &old, at(11));
    assert_eq!(state(&store, &new, 12), "usable");
    put_in_doubt(&store, 80);
    assert_eq!(state(&store, &old, 81), "undetermined", "another request refreshes the newer cookie");
    let held = lease(&store, present(&store, &new, at(81)), at(81));
    complete(store.release(&held, Release::RetryAt(at(89))));
    assert_eq!(state(&store, &new, 82), "undetermined", "the refresh is retried later");
    let held = lease(&store, present(&store, &new, at(89)), at(89));
    complete(store.release(&held, Release::TokenSpent));
    assert_eq!(state(&store, &new, 89), "expired");
    assert_eq!(state(&store, &old, LIFE), "expired", "an old cookie expires with its tokens");
}

#[test]
fn session_in_doubt_that_has_no_refresh_token_needs_a_sign_in() {
    let store = store();
    let identity = Identity::new("subject", "alice").unwrap();
    let tokens = TokenSet {
        id_token: Secret::new("a.b.first"),
        refresh_token: None,
        expires_at: at(LIFE),
        requested_at: NOW,
        id_token_issued_at: NOW,
        authentication: Authentication::default(),
        id_token_expires_at: at(LIFE),
        refresh_expires_at: None,
    };
    let begin = |sid| {
        let new = NewSession {
            issuer: IssuerIndex::FIRST,
            identity: &identity,
            tokens: &tokens,
            policies: PolicyVerdicts { generation: 1, met: 1 },
            sid,
            address: None,
        };
        pairs_of(&complete(store.begin(new, &HeaderMap::new(), &origin(), NOW)).unwrap())
    };
    let (named, unnamed) = (begin("sid-1"), begin(""));
    put_in_doubt(&store, 1);
    assert_eq!([state(&store, &named, 2), state(&store, &unnamed, 2)], ["expired", "usable"]);
}
