//! Tests of sessions that store no ID token

use super::refreshes::{DUE, LIFE, at, begin_default, present, refresh, refresh_with, store_with};
use super::*;

fn dropping() -> CookieStore {
    store().with_id_tokens(false)
}

/// Returns the state and the ID token that a presented cookie shows.
fn shown(store: &CookieStore, cookies: &[String], seconds: u64) -> (&'static str, String) {
    let seen = present(store, cookies, at(seconds));
    (seen.state, seen.id_token)
}

fn size(cookies: &[String]) -> usize {
    cookies.iter().map(String::len).sum()
}

#[test]
fn session_without_id_token_opens_and_is_smaller_by_it() {
    let (kept, dropped) = (begin(&store(), 3000), begin(&dropping(), 3000));
    assert_eq!(open(&dropping(), &dropped, NOW), Ok("subject alice dev ".to_owned()));
    assert!(size(&dropped) + 3000 < size(&kept), "{} {}", size(&dropped), size(&kept));
}

#[test]
fn session_without_id_token_that_is_too_large_is_reported_as_such() {
    let mut identity = Identity::new("subject", "alice").unwrap();
    for number in 0..1000 {
        identity.add_group(&format!("team-project-{number}")).unwrap();
    }
    let refused = begin_as(&dropping(), &identity, 100, &HeaderMap::new());
    assert!(matches!(refused, Err(BeginError::TooLarge { has_id_token: false, .. })), "{refused:?}");
}

/// The setting changed from "keep" to "drop".
#[test]
fn id_token_of_an_older_session_is_not_passed_on_and_disappears_at_the_refresh() {
    let (before, after) = (store(), dropping());
    let cookies = begin_default(&before);
    assert_eq!(shown(&before, &cookies, 1), ("usable", "a.b.first".to_owned()));
    assert_eq!(shown(&after, &cookies, 1), ("usable", String::new()));
    let refreshed = refresh(&after, &cookies, at(DUE));
    assert_eq!(shown(&store(), &refreshed, DUE + 1), ("usable", String::new()), "it is not stored");
    let without_new = begin_default(&before);
    let refreshed = refresh_with(&after, &without_new, at(DUE), None);
    assert_eq!(shown(&store(), &refreshed, DUE + 1), ("usable", String::new()), "nor is the old one");
}

/// The setting changed from "drop" to "keep".
#[test]
fn session_without_id_token_gets_one_at_the_refresh() {
    let (before, after) = (dropping(), store());
    let cookies = begin_default(&before);
    assert_eq!(shown(&after, &cookies, 1), ("usable", String::new()));
    refresh(&after, &cookies, at(DUE));
    assert_eq!(shown(&after, &cookies, DUE + 1), ("usable", "a.b.second".to_owned()));
}

#[test]
fn sign_out_returns_an_empty_id_token_if_the_session_stores_none() {
    for (cookies, name) in [(begin_default(&dropping()), "dropped"), (begin_default(&store()), "kept before")]
    {
        let ended = end(&dropping(), &cookies, at(1));
        assert_eq!(ended.id_token.unwrap().expose(), "", "{name}");
        assert_eq!(ended.refresh_token.unwrap().expose(), "refresh 1", "{name}");
    }
}

#[test]
fn expiry_of_a_dropped_id_token_still_ends_a_session_that_requires_a_fresh_one() {
    for (require_fresh_id_token, then) in [(false, "usable"), (true, "expired")] {
        let store = store_with(0, |lifetimes| lifetimes.require_fresh_id_token = require_fresh_id_token);
        let store = store.with_id_tokens(false);
        let cookies = begin_default(&store);
        refresh_with(&store, &cookies, at(DUE), None);
        assert_eq!(shown(&store, &cookies, LIFE - 1).0, "usable");
        assert_eq!(shown(&store, &cookies, LIFE + 1).0, then);
    }
}
