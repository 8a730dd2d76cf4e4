//! Tests of leases that last, and of results that come too late

use super::*;

#[tokio::test]
async fn late_tokens_are_revoked_only_without_an_end_session_endpoint() {
    let (revoke, audit) = ("revoke second", "audit too_late 1");
    for (has_endpoint, has_token, expected) in
        [(false, true, vec![revoke, audit]), (true, true, vec![audit]), (false, false, vec![audit])]
    {
        let fakes = Fakes::new();
        fakes.provider.has_end_session_endpoint.store(has_endpoint, Ordering::Relaxed);
        fakes.sessions.committed.set(Ok(Commit::Ended));
        if !has_token {
            fakes.provider.will_answer(|| Ok(Refreshed { refresh_token: None, ..refreshed() }));
        }
        assert_eq!(calls_of_one_refresh(&fakes, SETTINGS).await[3..], expected);
    }
}

#[tokio::test]
async fn tokens_of_a_superseded_result_are_not_revoked() {
    let fakes = Fakes::new();
    fakes.sessions.committed.set(Ok(Commit::Superseded));
    assert_eq!(calls_of_one_refresh(&fakes, SETTINGS).await[3..], ["audit superseded 1"]);
}

#[tokio::test]
async fn lease_is_renewed_until_the_provider_answers() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    fakes.provider.hold();
    refresh.start(refreshable(1, "1"), CALLER);
    until(|| fakes.sessions.renewals.load(Ordering::Relaxed) == 1).await;
    fakes.provider.answer();
    refresh.drained().await;
    assert_eq!(taken(&fakes), COMMITTED);
}

/// Otherwise, a refresh just after a restart counts as a failure of the provider, and all users wait.
#[tokio::test]
async fn lease_is_acquired_after_the_first_load_of_the_documents() {
    let fakes = Fakes::new();
    let refresh = fakes.refresh(SETTINGS);
    refresh.finish(refreshable(1, "1"), CALLER, LONG).await;
    assert_eq!(fakes.calls.take()[..2], ["first_answer", "lease at 0"]);
}
