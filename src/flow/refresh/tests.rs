mod claims;
mod leases;

use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use http::HeaderMap;

use super::*;
use crate::access::decision::Outage;
use crate::flow::ports::{Absence, BeginError, SessionRequest};
use crate::flow::testing::{CALLER, Fakes, LeaseState, NOW, State, origin, refreshable, refreshed, until};

const LONG: Duration = Duration::from_secs(60);
const SETTINGS: RefreshSettings = RefreshSettings { provider_bears_reuse: false, timeout: LONG };
const COMMITTED: [&str; 4] =
    ["lease at 0", "refresh first 1", "commit second alice in dev meets 1 at 0", "audit renewed 1"];

fn unavailable(retry_after: Option<Duration>) -> RefreshError {
    RefreshError::Unavailable { why: "503".to_owned(), retry_after }
}

/// Refreshes one session, and returns the recorded calls.
async fn calls_of_one_refresh(fakes: &Fakes, settings: RefreshSettings) -> Vec<String> {
    let refresh = fakes.refresh(settings);
    assert_eq!(refresh.finish(refreshable(1, "1"), CALLER, LONG).await, RefreshWait::Ended);
    taken(fakes)
}

/// Returns the recorded calls, without the waits for the first load of the provider's documents.
fn taken(fakes: &Fakes) -> Vec<String> {
    fakes.calls.take().into_iter().filter(|call| call != "first_answer").collect()
}

#[tokio::test]
async fn lease_is_acquired_before_the_provider_is_called() {
    assert_eq!(calls_of_one_refresh(&Fakes::new(), SETTINGS).await, COMMITTED);
}

#[tokio::test]
async fn lease_held_by_another_process_sends_no_token() {
    let fakes = Fakes::new();
    fakes.sessions.lease.set(LeaseState::HeldByOther);
    assert_eq!(calls_of_one_refresh(&fakes, SETTINGS).await, ["lease at 0", "released_elsewhere"]);
}

#[tokio::test]
async fn lease_taken_over_sends_no_token_unless_reuse_is_tolerated() {
    let unknown = ["lease at 0", "release TokenSpent", "audit taken_over 1"];
    for (provider_bears_reuse, expected) in [(false, &unknown[..]), (true, &COMMITTED[..])] {
        let fakes = Fakes::new();
        fakes.sessions.lease.set(LeaseState::TakenOver);
        let settings = RefreshSettings { provider_bears_reuse, ..SETTINGS };
        assert_eq!(calls_of_one_refresh(&fakes, settings).await, expected);
    }
}

#[tokio::test]
async fn outage_names_a_refused_client_until_the_provider_answers_otherwise() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    assert_eq!(refresh.outage(), Outage::Provider);
    let refused: fn() -> RefreshError = || RefreshError::ClientRefused("why".to_owned());
    for (answer, outage) in [
        (refused, Outage::ClientRefused),
        (|| unavailable(None), Outage::Provider),
        (refused, Outage::ClientRefused),
        (|| RefreshError::GrantRefused("why".to_owned()), Outage::Provider),
    ] {
        fakes.provider.will_answer(move || Err(answer()));
        assert_eq!(refresh.finish(refreshable(1, "1"), CALLER, LONG).await, RefreshWait::Ended);
        assert_eq!(refresh.outage(), outage);
    }
}

#[tokio::test]
async fn refresh_error_decides_how_the_lease_is_released() {
    type Case = (fn() -> RefreshError, [&'static str; 2], &'static str);
    let cases: [Case; 6] = [
        (|| unavailable(None), ["RetryAt 1", "RetryAt 1"], "provider_unavailable"),
        (|| unavailable(Some(Duration::from_secs(20))), ["RetryAt 20"; 2], "provider_unavailable"),
        (|| RefreshError::ClientRefused("why".to_owned()), ["RetryAt 1"; 2], "client_refused"),
        (|| RefreshError::OutcomeUnknown("why".to_owned()), ["TokenSpent", "RetryAt 1"], "outcome_unknown"),
        (|| RefreshError::GrantRefused("why".to_owned()), ["SessionEnded"; 2], "grant_refused"),
        (|| RefreshError::ProviderMisbehaved("why".to_owned()), ["SessionEnded"; 2], "provider_misbehaved"),
    ];
    for (error, releases, outcome) in cases {
        for (provider_bears_reuse, release) in [false, true].into_iter().zip(releases) {
            let fakes = Fakes::new();
            fakes.provider.will_answer(move || Err(error()));
            let settings = RefreshSettings { provider_bears_reuse, ..SETTINGS };
            let (release, audit) = (format!("release {release}"), format!("audit {outcome} 1"));
            let expected = ["lease at 0", "refresh first 1", &release, &audit];
            assert_eq!(calls_of_one_refresh(&fakes, settings).await, expected, "{provider_bears_reuse}");
        }
    }
}

#[tokio::test]
async fn exchange_that_exceeds_its_time_limit_spends_the_token() {
    let fakes = Fakes::new();
    fakes.provider.hold();
    let calls = calls_of_one_refresh(&fakes, RefreshSettings { timeout: Duration::ZERO, ..SETTINGS }).await;
    assert_eq!(calls[2..], ["release TokenSpent", "audit outcome_unknown 1"]);
}

#[tokio::test]
async fn new_tokens_are_committed_with_the_time_after_the_exchange() {
    let fakes = Fakes::new();
    let clock = Arc::clone(&fakes.clock);
    fakes.provider.will_answer(move || {
        clock.advance(7);
        Ok(Refreshed { id_token: None, ..refreshed() })
    });
    let calls = calls_of_one_refresh(&fakes, SETTINGS).await;
    assert_eq!(calls[2], "commit second no user at 7", "without an ID token, the user does not change");
}

#[tokio::test]
async fn tokens_that_cannot_be_stored_spend_the_old_token() {
    let fakes = Fakes::new();
    fakes.sessions.committed.set(Err(BeginError::TooLarge {
        bytes: 20_000,
        limit: 15_600,
        has_id_token: true,
    }));
    let calls = calls_of_one_refresh(&fakes, SETTINGS).await;
    assert_eq!(calls[3..], ["release TokenSpent", "largest_claims second-id-token", "audit not_kept 1"]);
}

#[tokio::test]
async fn undelivered_cookies_are_reported_to_the_operator() {
    let fakes = Fakes::new();
    fakes.sessions.committed.set(Ok(Commit::Committed { last_was_not_delivered: true }));
    let calls = calls_of_one_refresh(&fakes, SETTINGS).await;
    assert_eq!(calls[3..], ["hint not delivered test", "audit renewed 1"]);
}

#[tokio::test]
async fn two_starts_of_one_session_make_one_call() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    refresh.start(refreshable(1, "1"), CALLER);
    refresh.start(refreshable(1, "1"), CALLER);
    assert_eq!(refresh.finish(refreshable(1, "1"), CALLER, LONG).await, RefreshWait::Ended);
    assert_eq!(taken(&fakes), COMMITTED);
}

#[tokio::test]
async fn refresh_beyond_the_concurrency_limit_is_not_started() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    fakes.provider.hold();
    let mut ids = 0..;
    for id in ids.by_ref().take(MAX_CONCURRENT_REFRESHES) {
        refresh.start(refreshable(id, "1"), CALLER);
    }
    until(|| fakes.calls.count("refresh") == MAX_CONCURRENT_REFRESHES).await;
    let in_flight = refresh.finish(refreshable(0, "1"), CALLER, Duration::ZERO).await;
    assert_eq!(in_flight, RefreshWait::TimedOut, "the limit applies to new refreshes only");
    let id_beyond_limit = ids.next().unwrap();
    let wait = refresh.finish(refreshable(id_beyond_limit, "1"), CALLER, LONG).await;
    assert_eq!(wait, RefreshWait::NotNow);
    assert_eq!(fakes.calls.count("lease"), MAX_CONCURRENT_REFRESHES);
    fakes.provider.answer();
    refresh.drained().await;
    let wait = refresh.finish(refreshable(id_beyond_limit, "1"), CALLER, LONG).await;
    assert_eq!((wait, fakes.calls.count("lease")), (RefreshWait::Ended, MAX_CONCURRENT_REFRESHES + 1));
}

#[tokio::test]
async fn dropped_wait_does_not_stop_the_refresh() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    fakes.provider.hold();
    let mut wait = Box::pin(refresh.finish(refreshable(1, "1"), CALLER, LONG));
    assert_eq!((&mut wait).now_or_never(), None);
    until(|| fakes.calls.count("refresh") == 1).await;
    drop(wait);
    fakes.provider.answer();
    refresh.drained().await;
    assert_eq!(taken(&fakes), COMMITTED);
}

#[tokio::test]
async fn wait_that_exceeds_its_budget_does_not_stop_the_refresh() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    fakes.provider.hold();
    let wait = refresh.finish(refreshable(1, "1"), CALLER, Duration::ZERO).await;
    assert_eq!(wait, RefreshWait::TimedOut);
    fakes.provider.answer();
    refresh.drained().await;
    assert_eq!(taken(&fakes), COMMITTED);
}

#[tokio::test]
async fn panic_of_a_refresh_ends_the_wait_and_allows_another_refresh() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    fakes.provider.will_answer(|| panic!("this panic is part of a test"));
    assert_eq!(refresh.finish(refreshable(1, "1"), CALLER, LONG).await, RefreshWait::Ended);
    assert_eq!(taken(&fakes), COMMITTED[..2]);
    assert_eq!(refresh.finish(refreshable(1, "1"), CALLER, LONG).await, RefreshWait::Ended);
    assert_eq!(taken(&fakes), COMMITTED);
}

#[tokio::test]
async fn drain_waits_for_the_last_refresh() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    fakes.provider.hold();
    refresh.start(refreshable(1, "1"), CALLER);
    let mut drained = Box::pin(refresh.drained());
    assert_eq!((&mut drained).now_or_never(), None);
    until(|| fakes.calls.count("refresh") == 1).await;
    assert_eq!((&mut drained).now_or_never(), None);
    fakes.provider.answer();
    drained.await;
    assert_eq!(taken(&fakes), COMMITTED);
}

/// Makes the refreshes of these users fail in order, and returns how the wait of another user ends.
async fn wait_after_failures_of(fakes: &Fakes, refresh: &Arc<Refresh>, users: &[&str]) -> RefreshWait {
    for (id, user) in (10..).zip(users) {
        fakes.provider.will_answer(|| Err(unavailable(None)));
        refresh.finish(refreshable(id, user), CALLER, LONG).await;
    }
    taken(fakes);
    refresh.finish(refreshable(1, "1"), CALLER, LONG).await
}

#[tokio::test]
async fn failures_of_three_users_in_a_row_pause_all_refreshes() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    let wait = wait_after_failures_of(&fakes, &refresh, &["a", "b", "b", "a"]).await;
    assert_eq!((wait, fakes.calls.count("commit")), (RefreshWait::Ended, 1), "two users are no outage");
    let wait = wait_after_failures_of(&fakes, &refresh, &["a", "b"]).await;
    assert_eq!((wait, fakes.calls.count("commit")), (RefreshWait::Ended, 1), "a success resets the failures");
    let wait = wait_after_failures_of(&fakes, &refresh, &["a", "b", "c"]).await;
    assert_eq!((wait, taken(&fakes)), (RefreshWait::NotNow, vec![]), "no lease is acquired");
    fakes.clock.advance(7);
    assert_eq!(refresh.finish(refreshable(1, "1"), CALLER, LONG).await, RefreshWait::Ended);
    assert_eq!(fakes.calls.count("commit"), 1);
}

/// Resumes a session, and returns the result and the times of the openings.
async fn resume(fakes: &Fakes, states: &[State]) -> (&'static str, Vec<u64>) {
    let refresh = fakes.refresh(SETTINGS);
    fakes.sessions.states.set(states.to_vec().into());
    let (headers, origin) = (HeaderMap::new(), origin());
    let request = SessionRequest { headers: &headers, origin: &origin, now: NOW, active: true, found: None };
    let found = match refresh.resume_session(request, |session| session.signed_in_at).await {
        Resumed::Usable(NOW, _) => "usable",
        Resumed::Usable(..) => panic!("another session"),
        Resumed::Gone => "gone",
        Resumed::NotNow => "not now",
    };
    (found, fakes.sessions.openings.get().into_iter().map(|(seconds, _)| seconds).collect())
}

#[tokio::test]
async fn resumed_session_is_read_at_the_time_after_the_refresh() {
    let fakes = Fakes::new();
    let clock = Arc::clone(&fakes.clock);
    fakes.provider.will_answer(move || {
        clock.advance(7);
        Ok(refreshed())
    });
    assert_eq!(resume(&fakes, &[State::Expired, State::Usable]).await, ("usable", vec![0, 7]));
    assert_eq!(fakes.calls.count("refresh"), 1);
    let gone = State::Absent(Absence::Ended);
    assert_eq!(resume(&Fakes::new(), &[State::Expired, gone]).await.0, "gone");
}

#[tokio::test]
async fn session_that_cannot_be_resumed_is_not_reported_as_ended() {
    let unknown = State::Undetermined(Outage::SessionStore);
    assert_eq!(resume(&Fakes::new(), &[unknown]).await.0, "not now");
    let fakes = Fakes::new();
    assert_eq!(
        resume(&fakes, &[State::Expired]).await,
        ("not now", vec![0; 3]),
        "it waits at most three times"
    );
    let fakes = Fakes::new();
    fakes.provider.will_answer(|| Err(unavailable(Some(LONG))));
    assert_eq!(resume(&fakes, &[State::Expired]).await, ("not now", vec![0; 2]));
}
