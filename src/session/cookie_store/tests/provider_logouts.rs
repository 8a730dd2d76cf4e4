//! Sessions that the provider's logout tokens name

use super::renewals::{
    DUE, LIFE, at, begun, begun_at_issuer, begun_with, lease, look, pairs_of, renew, store_began, what,
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
        let cookies = begun(&store);
        let theirs = LogoutToken { issuer: IssuerIndex(1), ..token(1, whom) };
        done(store.end_by(&theirs, at(1))).unwrap();
        assert_eq!(what(&store, &cookies, 1), "good");
    }
}

#[test]
fn session_of_another_issuer_is_ended_by_a_token_of_that_issuer_only() {
    let (store, another) = (store(), IssuerIndex(1));
    let cookies = begun_at_issuer(&store, another);
    let subject = Whom::Subject("subject".to_owned());
    done(store.end_by(&token(1, subject.clone()), at(1))).unwrap();
    assert_eq!(what(&store, &cookies, 1), "good");
    done(store.end_by(&LogoutToken { issuer: another, ..token(1, subject) }, at(1))).unwrap();
    assert_eq!(what(&store, &cookies, 1), "ended");
}

#[test]
fn what_the_provider_ended_stays_ended() {
    let session = Whom::Session { sid: "sid-1".to_owned(), subject: None };
    for whom in [session, Whom::Subject("subject".to_owned())] {
        let store = store();
        let old = begun(&store);
        let held = lease(&store, look(&store, &old, at(DUE)), at(DUE));
        done(store.end_by(&token(DUE, whom.clone()), at(DUE))).unwrap();
        assert_eq!(what(&store, &old, DUE), "ended");
        let refreshed = Refreshed {
            id_token: None,
            refresh_token: None,
            access_expires_at: None,
            refresh_expires_at: None,
        };
        assert_eq!(done(store.commit(&held, &refreshed, None, at(DUE + 1))), Ok(Commit::TooLate));
        assert_eq!(look(&store, &old, at(DUE + 1)).deliver, Vec::<String>::new());
        // What that renewal made, as a store hands it out that was told of no end.
        let untold = store_began(0);
        let untold_lease = lease(&untold, look(&untold, &old, at(DUE)), at(DUE));
        done(untold.commit(&untold_lease, &refreshed, None, at(DUE + 1))).unwrap();
        let new = look(&untold, &old, at(DUE + 1)).deliver;
        assert_eq!([what(&untold, &new, DUE + 1), what(&store, &new, DUE + 1)], ["good", "ended"]);
        assert_eq!(
            what(&store, &begun_with(&store, at(DUE + 1), None), DUE + 1),
            match whom {
                Whom::Session { .. } => "ended",
                Whom::Subject(_) => "good",
            }
        );
    }
}

/// A mark that does not fit puts the session of [`begun`] in doubt.
fn put_in_doubt(store: &CookieStore, seconds: u64) {
    let sid = |sid: String| Whom::Session { sid, subject: None };
    let mut number = 0;
    loop {
        let token = token(seconds, sid(format!("other {number}")));
        if done(store.end_by(&token, at(seconds))) == Ok(LogoutEffect::MustRefresh) {
            break;
        }
        number += 1;
    }
    done(store.end_by(&token(seconds, sid("sid-1".to_owned())), at(seconds))).unwrap();
}

#[test]
fn session_in_doubt_passes_again_after_one_refresh() {
    let store = store();
    let old = begun(&store);
    assert_eq!(what(&store, &old, 10), "good");
    put_in_doubt(&store, 10);
    assert_eq!(what(&store, &old, 11), "stale", "its tokens are good, and the provider must say so");
    let new = renew(&store, &old, at(11));
    for cookies in [&old, &new, &old] {
        assert_eq!(what(&store, cookies, 12), "good");
    }
}

#[test]
fn refresh_that_began_before_the_doubt_does_not_answer_it() {
    let store = store();
    let old = begun(&store);
    let held = lease(&store, look(&store, &old, at(DUE)), at(DUE));
    put_in_doubt(&store, DUE);
    let refreshed = Refreshed {
        id_token: None,
        refresh_token: None,
        access_expires_at: Some(at(DUE + LIFE)),
        refresh_expires_at: None,
    };
    done(store.commit(&held, &refreshed, None, at(DUE + 2))).unwrap();
    assert_eq!(what(&store, &old, DUE + 2), "stale", "the provider answered before it ended the session");
    renew(&store, &old, at(DUE + 2));
    assert_eq!(what(&store, &old, DUE + 2), "good", "in the same second, too");
}

#[test]
fn session_in_doubt_without_a_usable_refresh_token_has_none() {
    let store = store();
    let old = begun(&store);
    let new = renew(&store, &old, at(DUE));
    assert_eq!(what(&store, &new, DUE), "good");
    put_in_doubt(&store, DUE + 1);
    assert_eq!(what(&store, &old, DUE + 2), "unknown", "another request refreshes the newer cookie");
    assert_eq!(what(&store, &old, LIFE), "expired", "an old cookie lives no longer than its tokens");
    let held = lease(&store, look(&store, &new, at(DUE + 2)), at(DUE + 2));
    done(store.release(&held, Release::RetryAt(at(DUE + 9))));
    assert_eq!(what(&store, &new, DUE + 3), "unknown", "the provider is asked again later");
    let held = lease(&store, look(&store, &new, at(DUE + 9)), at(DUE + 9));
    done(store.release(&held, Release::TokenSpent));
    assert_eq!(what(&store, &new, DUE + 9), "expired");
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
        };
        pairs_of(&done(store.begin(new, &HeaderMap::new(), &origin(), NOW)).unwrap())
    };
    let (named, unnamed) = (begin("sid-1"), begin(""));
    put_in_doubt(&store, 1);
    assert_eq!([what(&store, &named, 2), what(&store, &unnamed, 2)], ["expired", "good"]);
}
