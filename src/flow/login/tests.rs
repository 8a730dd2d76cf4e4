use std::sync::atomic::Ordering;

use super::*;
use crate::access::decision::Outage;
use crate::flow::testing::{Fakes, ISSUER, State, origin, texts};

const PAGE: &str = "https://app.test/page";
const CALLBACK_CALL: &str = "authentication_url https://app.test/oauth2/callback";
const OPTIONS: LoginOptions<'_> =
    LoginOptions { rd: Some("/page"), account: Account::Known, is_retry: false };

fn login(fakes: &Fakes) -> Login {
    Login {
        provider: Arc::clone(&fakes.provider) as _,
        markers: Arc::clone(&fakes.markers) as _,
        sessions: Arc::clone(&fakes.sessions) as _,
        entropy: Arc::clone(&fakes.entropy) as _,
        clock: Arc::clone(&fakes.clock) as _,
        snapshot: fakes.snapshot.clone(),
    }
}

/// A browser with this session state and loop marker: the number of returns, and whether to the same page.
fn browser(state: State, marker: Option<(u8, bool)>) -> Fakes {
    let fakes = Fakes::new();
    fakes.sessions.states.set([state].into());
    fakes.markers.loop_marker.set(marker.map(|(times, here)| LoopMarker { times, here }));
    fakes
}

fn step(started: &Started) -> String {
    match started {
        Started::Provider(..) => "provider".to_owned(),
        Started::Back(return_redirect) => return_text(return_redirect),
        Started::LoopDetected(cause) => loop_text(*cause),
    }
}

fn return_text(return_redirect: &ReturnRedirect) -> String {
    assert_eq!(texts(&return_redirect.cookies), ["loop=marked"]);
    format!("return to {}", return_redirect.return_to.as_str())
}

fn loop_text(cause: LoopCause) -> String {
    format!("loop {cause:?}")
}

async fn start(fakes: &Fakes, options: LoginOptions<'_>) -> Result<Started, LoginError> {
    login(fakes).start(&origin(), &HeaderMap::new(), options).await
}

/// Starts a sign-in, and returns the next step and the calls after the session was opened.
async fn start_and_record(fakes: &Fakes, options: LoginOptions<'_>) -> (String, Vec<String>) {
    let started = start(fakes, options).await.unwrap_or_else(|error| panic!("{error}"));
    let calls = fakes.calls.take();
    assert_eq!(calls[0], "open");
    (step(&started), calls[1..].to_vec())
}

fn provider_calls(account: &str, return_to: &str) -> (String, Vec<String>) {
    let calls =
        ["first_answer".to_owned(), format!("{CALLBACK_CALL} {account}"), format!("keep_login {return_to}")];
    ("provider".to_owned(), calls.into())
}

#[tokio::test]
async fn browser_without_a_marker_is_sent_to_the_provider() {
    for state in [
        State::Usable,
        State::Expired,
        State::Absent(Absence::NoCookie),
        State::Absent(Absence::Refused),
        State::Absent(Absence::Expired),
        State::Absent(Absence::Ended),
    ] {
        let fakes = browser(state, None);
        assert_eq!(start_and_record(&fakes, OPTIONS).await, provider_calls("Known", PAGE), "{state:?}");
    }
}

#[tokio::test]
async fn marker_with_a_usable_session_returns_until_the_limit() {
    let returns = |times| (format!("return to {PAGE}"), vec![format!("set_loop_marker {times} {PAGE}")]);
    let is_loop = || ("loop NotShown".to_owned(), vec![]);
    for (marker, expected) in [
        ((1, true), returns(2)),
        ((2, true), is_loop()),
        ((2, false), returns(3)),
        ((7, false), returns(8)),
        ((8, false), is_loop()),
    ] {
        let fakes = browser(State::Usable, Some(marker));
        assert_eq!(start_and_record(&fakes, OPTIONS).await, expected, "{marker:?}");
    }
}

#[tokio::test]
async fn marker_without_a_usable_session_is_a_loop_with_its_cause() {
    for (state, cause) in [
        (State::Absent(Absence::NoCookie), "loop NotKept"),
        (State::Absent(Absence::Refused), "loop NotOpened"),
        (State::Absent(Absence::Expired), "loop OverAtOnce"),
        (State::Expired, "loop OverAtOnce"),
    ] {
        let fakes = browser(state, Some((1, true)));
        assert_eq!(start_and_record(&fakes, OPTIONS).await, (cause.to_owned(), vec![]), "{state:?}");
    }
}

#[tokio::test]
async fn marker_of_an_ended_or_undetermined_session_is_no_loop() {
    for state in [State::Absent(Absence::Ended), State::Undetermined(Outage::SessionStore)] {
        let fakes = browser(state, Some((2, true)));
        assert_eq!(start_and_record(&fakes, OPTIONS).await, provider_calls("Known", PAGE), "{state:?}");
    }
}

#[tokio::test]
async fn retry_or_other_or_recent_account_redirects_to_the_provider_despite_marker() {
    let another = LoginOptions { account: Account::Another, ..OPTIONS };
    let recent = LoginOptions { account: Account::Recent, ..OPTIONS };
    let retry = LoginOptions { is_retry: true, ..OPTIONS };
    for (state, times) in [(State::Usable, 1), (State::Usable, 2), (State::Absent(Absence::NoCookie), 1)] {
        for (options, account) in [(another, "Another"), (recent, "Recent"), (retry, "Known")] {
            let fakes = browser(state, Some((times, true)));
            let expected = provider_calls(account, PAGE);
            assert_eq!(start_and_record(&fakes, options).await, expected, "{state:?} {times} {options:?}");
        }
    }
}

/// With a session at the provider, such a sign-in succeeds without the user. So it can be part of a loop.
#[tokio::test]
async fn interactive_sign_in_is_subject_to_loop_detection() {
    let options = LoginOptions { account: Account::Interactive, ..OPTIONS };
    let fakes = browser(State::Absent(Absence::NoCookie), Some((1, true)));
    assert_eq!(start_and_record(&fakes, options).await, ("loop NotKept".to_owned(), vec![]));
    let fakes = browser(State::Absent(Absence::NoCookie), None);
    assert_eq!(start_and_record(&fakes, options).await, provider_calls("Interactive", PAGE));
}

#[tokio::test]
async fn authentication_request_has_the_values_of_the_transaction() {
    let fakes = browser(State::Absent(Absence::NoCookie), None);
    let Started::Provider(url, cookies) = start(&fakes, OPTIONS).await.unwrap() else { panic!() };
    assert_eq!(texts(&cookies), ["login=kept"]);
    let kept = fakes.markers.kept.get().unwrap();
    let [state, nonce, verifier] = &kept;
    assert_eq!(url.as_str(), format!("{ISSUER}/authorize?{state}&{nonce}&{verifier}"));
    assert!(kept.iter().all(|value| value.len() == 43), "256 bits each: {kept:?}");
    assert!(state != nonce && nonce != verifier && state != verifier, "{kept:?}");
}

#[tokio::test]
async fn unacceptable_return_url_is_replaced_by_the_start_page() {
    for rd in [Some("https://evil.test/"), Some("/oauth2/start"), None] {
        let fakes = browser(State::Absent(Absence::NoCookie), None);
        let (_, calls) = start_and_record(&fakes, LoginOptions { rd, ..OPTIONS }).await;
        assert_eq!(calls[2], "keep_login https://app.test/", "{rd:?}");
    }
}

#[tokio::test]
async fn missing_random_bytes_start_no_sign_in() {
    for fails_at in 1..=3 {
        let fakes = browser(State::Absent(Absence::NoCookie), None);
        fakes.entropy.fails_at.store(fails_at, Ordering::Relaxed);
        let started = start(&fakes, OPTIONS).await;
        assert!(matches!(started, Err(LoginError::NoEntropy(_))), "{fails_at}");
        assert_eq!(fakes.calls.take(), ["open", "first_answer"], "no cookie and no redirect");
    }
    let fakes = browser(State::Absent(Absence::NoCookie), None);
    fakes.markers.cannot_seal.store(true, Ordering::Relaxed);
    assert!(
        matches!(start(&fakes, OPTIONS).await, Err(LoginError::NoEntropy(_))),
        "no redirect without a cookie"
    );
}

#[tokio::test]
async fn missing_provider_metadata_stores_no_transaction() {
    let fakes = browser(State::Absent(Absence::NoCookie), None);
    fakes.provider.is_unavailable.store(true, Ordering::Relaxed);
    assert!(matches!(start(&fakes, OPTIONS).await, Err(LoginError::ProviderUnavailable(_))));
    let calls = ["open".to_owned(), "first_answer".to_owned(), format!("{CALLBACK_CALL} Known")];
    assert_eq!(fakes.calls.take(), calls);
}

#[test]
fn refreshed_session_returns_until_the_loop_limit() {
    for (marker, expected, times) in [
        (None, "return to https://app.test/page", Some(1)),
        (Some((1, true)), "return to https://app.test/page", Some(2)),
        (Some((2, true)), "loop NotShown", None),
        (Some((8, false)), "loop NotShown", None),
    ] {
        let fakes = browser(State::Usable, marker);
        let login = login(&fakes);
        let return_to = login.return_to(&origin(), Some(PAGE));
        let return_redirect = login.return_after_refresh(&origin(), &HeaderMap::new(), return_to);
        let step = return_redirect.map_or_else(loop_text, |return_redirect| return_text(&return_redirect));
        assert_eq!(step, expected, "{marker:?}");
        let calls: Vec<_> =
            times.map(|times| format!("set_loop_marker {times} {PAGE}")).into_iter().collect();
        assert_eq!(fakes.calls.take(), calls, "{marker:?}");
    }
}

#[tokio::test]
async fn state_keeps_the_number_of_the_attempt_and_the_chosen_account() {
    let fakes = Fakes::new();
    let return_to = ReturnTo::home(&origin());
    for account in [Account::Known, Account::Another, Account::Recent, Account::Interactive] {
        for number in [0, 1, 2] {
            let attempt = Attempt { number, account };
            let repeated =
                login(&fakes).redirect_to_provider(&origin(), &HeaderMap::new(), return_to.clone(), attempt);
            assert!(repeated.is_ok());
            let [state, nonce, _] = fakes.markers.kept.get().unwrap();
            assert_eq!(Attempt::of(&state), attempt, "{state}");
            assert!(state.len() >= 43 && nonce.len() == 43);
            let calls = fakes.calls.take();
            assert_eq!(
                calls[0],
                format!("{CALLBACK_CALL} {account:?}"),
                "a repetition asks for the same account"
            );
        }
        let fakes = browser(State::Absent(Absence::NoCookie), None);
        assert!(start(&fakes, LoginOptions { account, ..OPTIONS }).await.is_ok());
        let [state, ..] = fakes.markers.kept.get().unwrap();
        assert_eq!(Attempt::of(&state), Attempt { number: 0, account }, "{state}");
    }
    for state in ["", ".", "a.b", "a.256k", "a", "a.1", "a.k", "a.1ka", "a.1x"] {
        assert_eq!(Attempt::of(state), Attempt::USUAL, "{state}");
    }
}
