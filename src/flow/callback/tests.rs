use super::*;
use crate::access::claims::{Claim, Claims};
use crate::access::policy::DEFAULT;
use crate::flow::ports::{Account, BeginError, IssuerIndex, StoreUnavailable};
use crate::flow::testing::{Fakes, ISSUER, claims_of, origin, origins, signed_in, snapshot, texts};
use crate::secret::Secret;

const PAGE: &str = "https://app.test/page";
const ANSWER: &str = "state=s&code=c&iss=https://idp.test";

/// The calls of a sign-in that succeeds.
const CALLS: [&str; 7] = [
    "take_login s",
    "forget_login s",
    "first_answer",
    "check_response_issuer",
    "exchange c https://app.test/oauth2/callback verifier nonce",
    "begin 1 alice in dev meets 1 verified-id-token first sid sid-of-provider issuer 3 at https://app.test",
    "set_loop_marker 1 https://app.test/page",
];
const BEFORE_EXCHANGE: usize = 4;
const BEFORE_BEGIN: usize = 5;
const BEFORE_MARKER: usize = 6;

fn callback(fakes: &Fakes) -> Callback {
    Callback {
        provider: Arc::clone(&fakes.provider) as _,
        markers: Arc::clone(&fakes.markers) as _,
        sessions: Arc::clone(&fakes.sessions) as _,
        clock: Arc::clone(&fakes.clock) as _,
        snapshot: fakes.snapshot.clone(),
        audit: Arc::clone(&fakes.audit) as _,
        has_reported_groups: AtomicBool::new(false),
    }
}

/// A browser that began a sign-in with the state `s`.
fn browser() -> Fakes {
    let fakes = Fakes::new();
    fakes.markers.transaction.set(Some(LoginTransaction {
        issuer: IssuerIndex(3),
        state: "s".to_owned(),
        nonce: Secret::new("nonce"),
        code_verifier: Secret::new("verifier"),
        return_to: ReturnTo::parse(PAGE, &origin(), &origins()).unwrap(),
    }));
    fakes
}

async fn finish_at(callback: &Callback, query: &str) -> Result<Finished, Failed> {
    let (origin, headers) = (&origin(), &HeaderMap::new());
    callback.finish(CallbackRequest { origin, headers, query, address: None }).await
}

async fn finish(fakes: &Fakes, query: &str) -> Result<Finished, Failed> {
    finish_at(&callback(fakes), query).await
}

/// Finishes a sign-in that fails after its transaction was found, and returns the outcome.
async fn outcome(fakes: &Fakes, query: &str) -> LoginOutcome {
    let Err(failed) = finish(fakes, query).await else { panic!("a session began") };
    assert_eq!(texts(&failed.cookies), ["login=removed"]);
    assert_eq!(failed.return_to.map(|url| url.as_str().to_owned()).as_deref(), Some(PAGE));
    LoginOutcome::from(&failed.error)
}

/// Finishes a sign-in that fails before its transaction was found, and returns the outcome.
async fn outcome_without_transaction(fakes: &Fakes, query: &str) -> LoginOutcome {
    let Err(failed) = finish(fakes, query).await else { panic!("a session began") };
    assert!(failed.cookies.is_empty() && failed.return_to.is_none());
    LoginOutcome::from(&failed.error)
}

#[tokio::test]
async fn sign_in_begins_a_session_with_the_verified_tokens() {
    let fakes = browser();
    let Ok(finished) = finish(&fakes, ANSWER).await else { panic!() };
    assert_eq!(fakes.calls.take(), CALLS);
    assert_eq!(texts(&finished.cookies), ["session=new", "login=removed", "loop=marked"]);
    assert_eq!((finished.return_to.as_str(), &*finished.subject), (PAGE, "1"));
    let again = outcome_without_transaction(&fakes, ANSWER).await;
    assert_eq!(again, LoginOutcome::UnknownState, "a transaction is used once");
}

#[tokio::test]
async fn repeated_parameter_fails_before_any_port_is_called() {
    let response = "state=s&code=c&iss=https://idp.test&error=e&error_description=d&session_state=x";
    for name in ["state", "code", "iss", "error", "error_description", "session_state"] {
        let fakes = browser();
        let outcome = outcome_without_transaction(&fakes, &format!("{response}&{name}=y")).await;
        assert_eq!((outcome, fakes.calls.take()), (LoginOutcome::ClientForged, vec![]), "{name}");
    }
    let with_others = format!("{ANSWER}&session_state=x&ui=1&ui=2");
    assert!(finish(&browser(), &with_others).await.is_ok(), "an unknown parameter may repeat");
}

#[tokio::test]
async fn unknown_state_fails_before_the_provider_is_called() {
    for (query, calls) in [
        ("code=c&iss=https://idp.test", vec![]),
        ("state=other&code=c&iss=https://idp.test", vec!["take_login other"]),
        ("state=other&error=access_denied", vec!["take_login other"]),
    ] {
        let fakes = browser();
        assert_eq!(outcome_without_transaction(&fakes, query).await, LoginOutcome::UnknownState, "{query}");
        assert_eq!(fakes.calls.take(), calls, "{query}");
    }
}

#[tokio::test]
async fn unacceptable_response_fails_before_the_code_is_exchanged() {
    let right = format!("iss={ISSUER}");
    for (query, expected) in [
        ("code=c", LoginOutcome::ProviderMisbehaved),
        ("code=c&iss=https://evil.test", LoginOutcome::ProviderMisbehaved),
        ("error=access_denied&iss=https://evil.test", LoginOutcome::ProviderMisbehaved),
        (&*format!("error=access_denied&{right}"), LoginOutcome::ProviderRefused),
        (&*format!("error=access_denied&code=c&{right}"), LoginOutcome::ProviderRefused),
        (&*format!("error=invalid_scope&{right}"), LoginOutcome::Configuration),
        (&*format!("error=unauthorized_client&{right}"), LoginOutcome::Configuration),
        (&*format!("error=server_error&{right}"), LoginOutcome::ProviderUnavailable),
        ("error=invalid_scope&iss=https://evil.test", LoginOutcome::ProviderMisbehaved),
        (&right, LoginOutcome::ClientForged),
    ] {
        let fakes = browser();
        assert_eq!(outcome(&fakes, &format!("state=s&{query}")).await, expected, "{query}");
        assert_eq!(fakes.calls.take(), CALLS[..BEFORE_EXCHANGE], "{query}");
    }
}

#[tokio::test]
async fn error_without_a_transaction_is_named_in_one_line() {
    let query = "error=access_denied&error_description=no%0Alevel%3Derror";
    let Err(failed) = finish(&browser(), query).await else { panic!("a session began") };
    let detail = failed.error.to_string();
    assert!(
        detail.ends_with("which any client can send, has the error access_denied: nolevel=error"),
        "{detail}"
    );
    let long = format!("error=e&error_description={}", "x".repeat(1000));
    let Err(failed) = finish(&browser(), &long).await else { panic!("a session began") };
    assert!(failed.error.to_string().len() < 500, "{}", failed.error);
    let Err(failed) = finish(&browser(), "state=other").await else { panic!("a session began") };
    assert!(failed.error.to_string().ends_with("already completed"), "{}", failed.error);
}

#[tokio::test]
async fn invalid_scope_names_the_setting() {
    for (error, is_named) in [("invalid_scope", true), ("invalid_request", false)] {
        let query = format!("state=s&error={error}&error_description=why&iss={ISSUER}");
        let Err(failed) = finish(&browser(), &query).await else { panic!("a session began") };
        let text = failed.error.to_string();
        assert_eq!(text.contains("why; remove the scope from provider.scopes"), is_named, "{text}");
    }
}

#[tokio::test]
async fn description_of_the_provider_is_kept_to_1000_characters() {
    let end = "Remedy: allow the scope.";
    let description = format!("{}{end}{}", "x".repeat(1000 - end.len()), "y".repeat(500));
    let query = format!("state=s&error=invalid_request&error_description={description}&iss={ISSUER}");
    let Err(failed) = finish(&browser(), &query).await else { panic!("a session began") };
    let text = failed.error.to_string();
    assert!(text.ends_with(end), "{text}");
}

#[tokio::test]
async fn only_the_error_that_asks_for_it_is_repeated_and_at_most_twice() {
    let expired = "error=temporarily_unavailable&error_description=authentication_expired";
    for (state, query, next) in [
        ("s", expired, Some((1, Account::Known))),
        ("s.0a", expired, Some((1, Account::Another))),
        ("s.1i", expired, Some((2, Account::Interactive))),
        ("s.2k", expired, None),
        ("s.255a", expired, None),
        ("s", "error=temporarily_unavailable", None),
        ("s", "error=login_required&error_description=authentication_expired", None),
        ("s", "error=access_denied", None),
    ] {
        let fakes = browser();
        fakes.markers.transaction.with(|kept| kept.as_mut().unwrap().state = state.to_owned());
        let query = format!("state={state}&{query}&iss={ISSUER}");
        let Err(failed) = finish(&fakes, &query).await else { panic!("a session began") };
        let next = next.map(|(number, account)| Attempt { number, account });
        assert_eq!(failed.next_attempt, next, "{query}");
    }
    let forged = format!("state=s&{expired}&iss=https://evil.test");
    let Err(failed) = finish(&browser(), &forged).await else { panic!("a session began") };
    assert_eq!(failed.next_attempt, None, "from another issuer");
}

#[tokio::test]
async fn failed_exchange_begins_no_session() {
    let why = || "why".to_owned();
    for (error, expected) in [
        (ExchangeError::ProviderUnavailable(why()), LoginOutcome::ProviderUnavailable),
        (ExchangeError::CodeRefused(why()), LoginOutcome::ProviderRefused),
        (ExchangeError::ClientRefused(why()), LoginOutcome::Configuration),
        (ExchangeError::ProviderMisbehaved(why()), LoginOutcome::ProviderMisbehaved),
        (ExchangeError::Misconfigured(why()), LoginOutcome::Configuration),
        (ExchangeError::InsufficientAuthentication(why()), LoginOutcome::ProviderMisbehaved),
        (ExchangeError::ClocksDiffer(why()), LoginOutcome::ProviderMisbehaved),
    ] {
        let (fakes, what) = (browser(), format!("{error:?}"));
        fakes.provider.exchanged.set(Some(Err(error)));
        assert_eq!(outcome(&fakes, ANSWER).await, expected, "{what}");
        assert_eq!(fakes.calls.take(), CALLS[..BEFORE_BEGIN], "{what}");
    }
}

#[tokio::test]
async fn claims_without_a_user_begin_no_session() {
    let fakes = browser();
    fakes.provider.exchanged.set(Some(Ok(signed_in([].into()))));
    assert_eq!(outcome(&fakes, ANSWER).await, LoginOutcome::Configuration);
    assert_eq!(fakes.calls.take(), CALLS[..BEFORE_BEGIN]);
}

/// A browser whose user has more groups than the provider sends.
fn browser_with_groups_unknown() -> Fakes {
    let mut claims = claims_of("alice", "");
    claims.remove("groups");
    claims.insert("hasgroups".to_owned(), Claim::Flag(true));
    let fakes = browser();
    fakes.provider.exchanged.set(Some(Ok(signed_in(claims))));
    fakes
}

#[tokio::test]
async fn unknown_groups_begin_no_session_if_each_policy_needs_them() {
    let fakes = browser_with_groups_unknown();
    assert_eq!(outcome(&fakes, ANSWER).await, LoginOutcome::GroupsUnknown);
    assert_eq!(fakes.calls.take(), CALLS[..BEFORE_BEGIN]);
}

#[tokio::test]
async fn unknown_groups_are_reported_if_some_policy_permits_the_user() {
    let fakes = browser_with_groups_unknown();
    fakes.snapshot.replace(snapshot([(DEFAULT, &["dev"][..]), ("everyone", &[][..])]));
    assert!(finish(&fakes, ANSWER).await.is_ok());
    let calls = fakes.calls.take();
    assert_eq!(calls[BEFORE_BEGIN], "hint groups unknown 1");
    assert!(calls[BEFORE_BEGIN + 1].starts_with("begin 1 alice in  meets 10 "), "{calls:?}");
}

/// Signs in twice with the same gateway, and returns the hints.
async fn hints_of_two_sign_ins(claims: &Claims, announces_scope: bool) -> Vec<String> {
    let fakes = browser();
    fakes.provider.announces_groups.store(announces_scope, Ordering::Relaxed);
    let callback = callback(&fakes);
    for _ in 0..2 {
        let transaction = browser().markers.transaction.with(Option::take);
        fakes.markers.transaction.set(transaction);
        fakes.provider.exchanged.set(Some(Ok(signed_in(claims.clone()))));
        assert!(finish_at(&callback, ANSWER).await.is_ok());
    }
    fakes.calls.take().into_iter().filter(|call| call.starts_with("hint")).collect()
}

#[tokio::test]
async fn scope_of_groups_is_reported_once_if_no_claim_of_groups_came() {
    let with_groups = claims_of("alice", "dev");
    let mut without = with_groups.clone();
    without.remove("groups");
    let reported = ["hint groups not requested groups: groups"];
    assert_eq!(hints_of_two_sign_ins(&without, true).await, reported);
    assert!(hints_of_two_sign_ins(&without, false).await.is_empty(), "no such scope, or it is requested");
    assert!(hints_of_two_sign_ins(&with_groups, true).await.is_empty());
    without.insert("groups".to_owned(), Claim::List([].into()));
    assert!(hints_of_two_sign_ins(&without, true).await.is_empty(), "the user is in no group");
}

#[tokio::test]
async fn claims_that_do_not_count_are_omitted_and_recorded_once() {
    let fakes = browser();
    let mut claims = claims_of("alice", "");
    let groups = ["a,b", "dev", "c,d"].map(|group| Claim::Text(group.to_owned()));
    claims.insert("groups".to_owned(), Claim::List(groups.into()));
    claims.insert("email".to_owned(), Claim::Text("alice@example.com".to_owned()));
    fakes.provider.exchanged.set(Some(Ok(signed_in(claims))));
    assert!(finish(&fakes, ANSWER).await.is_ok());
    let calls = fakes.calls.take();
    assert_eq!(calls[BEFORE_BEGIN], "audit left out email groups[0] groups[2] of 1 at SignIn");
    assert!(calls[BEFORE_BEGIN + 1].starts_with("begin 1 alice in dev meets 1 "), "{calls:?}");
}

#[tokio::test]
async fn session_that_cannot_be_stored_sets_no_loop_marker() {
    let fakes = browser();
    fakes.sessions.begin_error.set(Some(BeginError::StoreUnavailable(StoreUnavailable)));
    assert_eq!(outcome(&fakes, ANSWER).await, LoginOutcome::NotKept);
    assert_eq!(fakes.calls.take(), CALLS[..BEFORE_MARKER]);
}

#[tokio::test]
async fn session_that_is_too_large_is_explained_by_its_claims() {
    let fakes = browser();
    let too_large = BeginError::TooLarge { bytes: 20_000, limit: 15_600, has_id_token: true };
    fakes.sessions.begin_error.set(Some(too_large));
    let Err(failed) = finish(&fakes, ANSWER).await else { panic!("a session began") };
    assert_eq!(LoginOutcome::from(&failed.error), LoginOutcome::NotKept);
    assert!(failed.error.to_string().contains("picture 20014 bytes"), "{}", failed.error);
    let calls = fakes.calls.take();
    assert_eq!(calls[..BEFORE_MARKER], CALLS[..BEFORE_MARKER]);
    assert_eq!(calls[BEFORE_MARKER..], ["largest_claims verified-id-token"]);
}
