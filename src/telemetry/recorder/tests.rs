//! How many lines a stranger can make.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::subscriber::with_default;

use super::*;
use crate::flow::ports::UnixTime;
use crate::telemetry::testing::Kept;

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// The lines of 10,000 events of one kind within a minute, and of one more a minute later.
fn lines(event: impl Fn(&Recorder)) -> Vec<String> {
    let clock = Arc::new(Hand(AtomicU64::new(1_800_000_000)));
    let recorder = Recorder::new(Arc::default(), Arc::clone(&clock) as Arc<dyn Clock>);
    let kept = Kept::default();
    let writer = kept.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    with_default(log, || {
        for _ in 0..10_000 {
            event(&recorder);
        }
        clock.0.fetch_add(60, Ordering::Relaxed);
        event(&recorder);
    });
    kept.text().lines().map(str::to_owned).collect()
}

fn add_up(most: u32, event: impl Fn(&Recorder)) {
    let lines = lines(event);
    assert_eq!(lines.len(), usize::try_from(most).unwrap() + 1, "{:?}", lines.first());
    let suppressed = 10_000 - most;
    assert!(lines.last().unwrap().contains(&format!("suppressed={suppressed}")), "{:?}", lines.last());
    assert_eq!(lines.iter().filter(|line| line.contains("suppressed")).count(), 1);
}

fn check(recorder: &Recorder, outcome: Outcome, subject: Option<&str>) {
    recorder.check(&CheckEvent {
        caller: Caller::PAGE,
        outcome,
        reason: Some(&"no"),
        policy: None,
        absence: None,
        host: None,
        subject,
        client: None,
        request_id: Some(&"id"),
    });
}

#[test]
fn refused_questions_make_few_lines_whose_counts_add_up() {
    add_up(MAX_ANONYMOUS_LINES, |recorder| check(recorder, Outcome::Malformed, None));
    add_up(MAX_ANONYMOUS_LINES, |recorder| check(recorder, Outcome::Fail, Some("alice")));
    add_up(MAX_ANONYMOUS_LINES, |recorder| check(recorder, Outcome::Deny, None));
    add_up(MAX_USER_LINES, |recorder| check(recorder, Outcome::Deny, Some("alice")));
}

#[test]
fn sign_ins_that_fail_make_few_lines_whose_counts_add_up() {
    for outcome in LoginOutcome::ALL.into_iter().filter(|outcome| *outcome != LoginOutcome::Started) {
        let event =
            LoginEvent { outcome, detail: Some(&"no"), subject: Some("alice"), host: "h", request_id: &"id" };
        add_up(most_logins(outcome), |recorder| recorder.login(&event));
    }
}

#[test]
fn hints_and_sign_outs_make_few_lines_whose_counts_add_up() {
    let peer = IpAddr::from([192, 0, 2, 1]);
    add_up(HINTS, |recorder| recorder.hint(&Hint::UntrustedPeer(peer)));
    add_up(HINTS, |recorder| recorder.hint(&Hint::UnknownCheck { peer, path: "/x", paths: "/check/y" }));
    add_up(HINTS, |recorder| recorder.hint(&Hint::UnknownHost("evil.test")));
    add_up(HINTS, |recorder| recorder.hint(&Hint::GroupsUnknown("alice")));
    add_up(MAX_USER_LINES, |recorder| recorder.signed_out("h", "alice", &"id"));
    add_up(MAX_USER_LINES, |recorder| recorder.omitted_claim("group", "a,b", &"a comma", "alice"));
}

fn refresh(recorder: &Recorder, outcome: RefreshOutcome) {
    let caller = Caller::PAGE;
    recorder.refresh(&RefreshEvent { outcome, detail: Some(&"no"), subject: "alice", caller });
}

#[test]
fn sessions_that_refreshes_end_make_few_lines_whose_counts_add_up() {
    for outcome in [
        RefreshOutcome::TooLate,
        RefreshOutcome::GrantRefused,
        RefreshOutcome::ProviderMisbehaved,
        RefreshOutcome::NotKept,
    ] {
        add_up(MAX_USER_LINES, |recorder| refresh(recorder, outcome));
    }
}

#[test]
fn outages_in_turn_with_refreshes_make_few_lines_of_each_kind() {
    let lines = lines(|recorder| {
        refresh(recorder, RefreshOutcome::ProviderUnavailable);
        refresh(recorder, RefreshOutcome::Renewed);
    });
    for kind in ["does not renew sessions", "renews sessions again"] {
        let of_kind = lines.iter().filter(|line| line.contains(kind)).count();
        assert_eq!(of_kind, usize::try_from(MAX_USER_LINES).unwrap() + 1, "{kind}");
    }
}

#[test]
fn logout_tokens_make_few_lines_whose_counts_add_up() {
    let whom = Whom::Subject("alice".to_owned());
    for outcome in BackchannelOutcome::ALL {
        let accepted = matches!(outcome, BackchannelOutcome::Ended | BackchannelOutcome::MustRefresh);
        let whom = accepted.then_some(&whom);
        let event = BackchannelEvent { outcome, detail: None, whom, request_id: &"id" };
        let most = if accepted { MAX_USER_LINES } else { MAX_ANONYMOUS_LINES };
        add_up(most, |recorder| recorder.backchannel_logout(&event));
    }
}

#[test]
fn one_kind_of_event_silences_no_other() {
    let lines = lines(|recorder| {
        check(recorder, Outcome::Malformed, None);
        recorder.hint(&Hint::UnknownHost("evil.test"));
    });
    assert_eq!(lines.iter().filter(|line| line.contains("evil.test")).count(), 2);
}
