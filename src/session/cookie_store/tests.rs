use std::time::Duration;

use aws_lc_rs::rand;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header;
use proptest::prelude::*;

use super::*;
use crate::session::cookie::Names;
use std::fmt::Display;

use crate::access::claims::Omissions;
use crate::access::credential::SessionCredential;
use crate::flow::audit::{
    BackchannelEvent, CallOutcome, CheckEvent, Hint, IdentityMade, LoginEvent, ProviderCall, RefreshEvent,
};
use crate::flow::caller::Caller;
use crate::flow::ports::{
    Absence, Authentication, EndedOthers, IssuerIndex, Lease, LogoutEffect, LogoutToken, OpenResult, Opened,
    Release, SessionState, Sessions, TokenSet, Workspace,
};
use crate::secret::Secret;

/// Returns the result of an operation that does not wait.
fn complete<T>(operation: BoxFuture<'_, T>) -> T {
    operation.now_or_never().unwrap()
}

fn opened(result: OpenResult<'_>) -> Opened<'_> {
    match result {
        OpenResult::Ready(opened) => opened,
        OpenResult::Ask(_) => panic!("the cookie store needs no lookup"),
    }
}

fn session_request<'r>(
    headers: &'r HeaderMap,
    origin: &'r Origin,
    now: UnixTime,
    active: bool,
) -> SessionRequest<'r> {
    SessionRequest { headers, origin, now, active, found: None }
}

fn end(store: &CookieStore, cookies: &[String], now: UnixTime) -> EndedSession {
    complete(store.end(session_request(&request(cookies), &origin(), now, true))).unwrap()
}

mod id_tokens;
mod idle;
mod provider_logouts;
mod refreshes;

struct System;

impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        rand::fill(buffer).map_err(|_| NoEntropy)
    }
}

struct Silent;

impl Audit for Silent {
    fn check(&self, _: &CheckEvent<'_>) {}
    fn login(&self, _: &LoginEvent<'_>) {}
    fn refresh(&self, _: &RefreshEvent<'_>) {}
    fn waits(&self, _: Caller) {}
    fn backchannel_logout(&self, _: &BackchannelEvent<'_>) {}
    fn ended_by_operator(&self, _: &EndedOthers) {}
    fn ended_others(&self, _: &str, _: &EndedOthers, _: &dyn Display) {}
    fn signed_out(&self, _: &str, _: &str, _: &dyn Display) {}
    fn omitted_claims(&self, _: &Omissions, _: &str, _: IdentityMade) {}
    fn hint(&self, _: &Hint<'_>) {}
    fn provider_call(&self, _: ProviderCall, _: CallOutcome, _: Duration) {}
}

const NOW: UnixTime = UnixTime(1_000_000);

fn origin() -> Origin {
    Origin::parse("https://app.test").unwrap()
}

fn store_of(keys: &[[u8; 32]], client: (&str, &str), origins: &[&str]) -> CookieStore {
    let origins = Origins::new(origins.iter().map(|text| Origin::parse(text).unwrap()).collect());
    let keys = Arc::new(KeyRing::new(keys).unwrap());
    let session = Duration::from_secs(3600);
    let lifetimes = Lifetimes { session, idle: None, require_fresh_id_token: false };
    let bounds = (lifetimes, Room { sessions: 100, per_user: 100 });
    CookieStore::new(keys, Arc::new(System), &origins, client, bounds, Arc::new(Silent), NOW).unwrap()
}

fn store() -> CookieStore {
    store_of(&[[7; 32]], ("https://idp.test", "foregate"), &["https://app.test"])
}

fn jwt(bytes: usize) -> String {
    let part = |length| URL_SAFE_NO_PAD.encode_to_string(vec![b'x'; length]);
    format!("{}.{}.{}", part(60), part(bytes), part(256))
}

fn begin_with(
    store: &CookieStore,
    token_bytes: usize,
    carried: &HeaderMap,
) -> Result<Vec<HeaderValue>, BeginError> {
    let mut identity = Identity::new("subject", "alice").unwrap();
    identity.add_group("dev").unwrap();
    begin_as(store, &identity, token_bytes, carried)
}

fn begin_as(
    store: &CookieStore,
    identity: &Identity,
    token_bytes: usize,
    carried: &HeaderMap,
) -> Result<Vec<HeaderValue>, BeginError> {
    let tokens = TokenSet {
        id_token: Secret::new(jwt(token_bytes)),
        refresh_token: None,
        expires_at: NOW.plus(Duration::from_secs(300)),
        requested_at: NOW,
        id_token_issued_at: NOW,
        authentication: Authentication::default(),
        id_token_expires_at: NOW.plus(Duration::from_secs(300)),
        refresh_expires_at: None,
    };
    let origin = origin();
    let begun = store.begin(
        NewSession {
            issuer: IssuerIndex::FIRST,
            identity,
            tokens: &tokens,
            policies: PolicyVerdicts { generation: 1, met: 1 },
            sid: "",
            address: None,
        },
        carried,
        &origin,
        NOW,
    );
    complete(begun)
}

fn begin(store: &CookieStore, token_bytes: usize) -> Vec<String> {
    let cookies = begin_with(store, token_bytes, &HeaderMap::new()).unwrap();
    cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

fn request(cookies: &[String]) -> HeaderMap {
    HeaderMap::from_iter([(header::COOKIE, cookies.join("; ").parse().unwrap())])
}

fn open(store: &CookieStore, cookies: &[String], now: UnixTime) -> Result<String, Absence> {
    open_at(store, cookies, &origin(), now)
}

fn open_at(
    store: &CookieStore,
    cookies: &[String],
    origin: &Origin,
    now: UnixTime,
) -> Result<String, Absence> {
    let headers = request(cookies);
    match opened(store.open(&mut Workspace::new(), session_request(&headers, origin, now, true))).state {
        SessionState::Usable(session) => {
            let SessionCredential { user, id_token, .. } = session.credential;
            let mut token = Vec::new();
            id_token.write(&mut token);
            let token = String::from_utf8(token).unwrap();
            Ok(format!("{} {} {} {token}", user.subject, user.user, user.groups))
        }
        SessionState::Absent(absence) => Err(absence),
        SessionState::Refreshable(_) | SessionState::Undetermined(_) => panic!(),
    }
}

#[test]
fn session_in_one_to_four_cookies_opens_unchanged() {
    for (token_bytes, count) in [(700, 1), (3000, 2), (6000, 3), (9000, 4)] {
        let cookies = begin(&store(), token_bytes);
        assert_eq!(cookies.len(), count);
        assert!(cookies.iter().all(|cookie| cookie.len() < 4000));
        assert_eq!(open(&store(), &cookies, NOW), Ok(format!("subject alice dev {}", jwt(token_bytes))));
    }
}

#[test]
fn session_larger_than_four_cookies_is_rejected() {
    let refused = begin_with(&store(), 12_000, &HeaderMap::new());
    let Err(BeginError::TooLarge { bytes, limit, has_id_token }) = refused else { panic!("{refused:?}") };
    assert_eq!((limit, has_id_token), (4 * PART_LEN, true));
    assert!(bytes > limit, "{bytes}");
}

#[test]
fn kept_cookie_without_refresh_token_expires_with_its_tokens() {
    let cookies = begin(&store(), 100);
    assert!(open(&store(), &cookies, UnixTime(NOW.0 + 299)).is_ok());
    assert_eq!(open(&store(), &cookies, UnixTime(NOW.0 + 300)), Err(Absence::Expired));
}

#[test]
fn cookie_is_rejected_for_other_key_origin_issuer_or_client() {
    let cookies = begin(&store(), 100);
    let both = ["https://app.test", "https://b.test"];
    let other_key = store_of(&[[8; 32]], ("https://idp.test", "foregate"), &both);
    let other_issuer = store_of(&[[7; 32]], ("https://idp.test/", "foregate"), &both);
    let other_client = store_of(&[[7; 32]], ("https://idp.test", "foregat"), &both);
    for other in [other_key, other_issuer, other_client] {
        assert_eq!(open(&other, &cookies, NOW), Err(Absence::Refused));
    }
    let two_origins = store_of(&[[7; 32]], ("https://idp.test", "foregate"), &both);
    assert!(open(&two_origins, &cookies, NOW).is_ok());
    assert_eq!(
        open_at(&two_origins, &cookies, &Origin::parse("https://b.test").unwrap(), NOW),
        Err(Absence::Refused)
    );
}

#[test]
fn older_key_opens_and_first_key_seals() {
    let client = ("https://idp.test", "foregate");
    let rotated = store_of(&[[9; 32], [7; 32]], client, &["https://app.test"]);
    assert!(open(&rotated, &begin(&store(), 100), NOW).is_ok());
    assert_eq!(open(&store(), &begin(&rotated, 100), NOW), Err(Absence::Refused));
}

#[test]
fn mixed_missing_or_duplicate_parts_are_rejected() {
    let (one, two) = (begin(&store(), 3000), begin(&store(), 3000));
    assert_eq!(open(&store(), &[one[0].clone(), two[1].clone()], NOW), Err(Absence::Refused));
    assert_eq!(open(&store(), &one[..1], NOW), Err(Absence::Refused));
    assert_eq!(open(&store(), &one[1..], NOW), Err(Absence::Refused));
    assert_eq!(open(&store(), &[], NOW), Err(Absence::NoCookie));
    let twice = [one[0].clone(), one[1].clone(), one[1].clone()];
    assert_eq!(open(&store(), &twice, NOW), Err(Absence::Refused));
}

#[test]
fn left_over_part_is_ignored_and_removed_at_next_sign_in() {
    let long = begin(&store(), 3000);
    let mut short = begin(&store(), 100);
    short.push(long[1].clone());
    assert!(open(&store(), &short, NOW).is_ok());
    let cookies = begin_with(&store(), 100, &request(&long)).unwrap();
    let removed = "__Host-foregate-1=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
    assert_eq!(cookies[1], removed);
    assert_eq!(end(&store(), &long, NOW).cookies.len(), 2);
}

#[test]
fn changed_bit_or_length_is_rejected() {
    let cookie = begin(&store(), 100).remove(0);
    let (name, value) = cookie.split_once('=').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(value).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = format!("{name}={}", URL_SAFE_NO_PAD.encode_to_string(changed));
        assert_eq!(open(&store(), &[changed], NOW), Err(Absence::Refused), "bit {bit}");
    }
    for length in 0..value.len() {
        let cut = format!("{name}={}", value.get(..length).unwrap());
        assert_eq!(open(&store(), &[cut], NOW), Err(Absence::Refused), "length {length}");
    }
}

proptest! {
    #[test]
    fn arbitrary_cookie_text_is_rejected_without_panic(values in prop::collection::vec("[A-Za-z0-9_=, -]{0,60}|Aw[A-Za-z0-9_-]{0,200}", 0..5)) {
        let cookies: Vec<String> =
            Names::of(&origin()).parts().zip(&values).map(|(name, value)| format!("{name}={value}")).collect();
        prop_assert!(open(&store(), &cookies, NOW).is_err());
    }

    #[test]
    fn sealed_session_opens_unchanged(token_bytes in 0_usize..8500, subject in "[ -~]{1,40}", group in "[a-z]{1,9}") {
        let mut identity = Identity::new(subject.trim(), "alice").or_else(|_| Identity::new("s", "alice")).unwrap();
        identity.add_group(&group).unwrap();
        let tokens = TokenSet { id_token: Secret::new(jwt(token_bytes)), refresh_token: None, expires_at: NOW.plus(Duration::from_secs(9)), requested_at: NOW, id_token_issued_at: NOW, authentication: Authentication::default(), id_token_expires_at: NOW.plus(Duration::from_secs(9)), refresh_expires_at: None };
        let new = NewSession { issuer: IssuerIndex::FIRST, identity: &identity, tokens: &tokens, policies: PolicyVerdicts { generation: 1, met: 1 }, sid: "", address: None };
        let cookies: Vec<String> = complete(store().begin(new, &HeaderMap::new(), &origin(), NOW)).unwrap().iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect();
        let expected = format!("{} alice {group} {}", identity.as_ref().subject, jwt(token_bytes));
        prop_assert_eq!(open(&store(), &cookies, NOW), Ok(expected));
    }
}
