//! Tests of the rate limits of log lines

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::subscriber::with_default;

use super::*;
use crate::access::claims::OmittedClaim;
use crate::access::identity::InvalidHeaderText;
use crate::flow::ports::UnixTime;
use crate::telemetry::testing::CapturedLog;

struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// The number of events within a minute.
const EVENTS: usize = 10_000;

/// Returns the lines of events of one kind within a minute, and of one more a minute later.
fn log_events(event: impl Fn(&Recorder)) -> Vec<String> {
    let clock = Arc::new(ManualClock(AtomicU64::new(1_800_000_000)));
    let recorder = Recorder::new(Arc::default(), Arc::clone(&clock) as Arc<dyn Clock>);
    let captured = CapturedLog::default();
    let writer = captured.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    with_default(log, || {
        for _ in 0..EVENTS {
            event(&recorder);
        }
        clock.0.fetch_add(60, Ordering::Relaxed);
        event(&recorder);
    });
    captured.text().lines().map(str::to_owned).collect()
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn assert_limit(max_lines: u32, event: impl Fn(&Recorder)) {
    let lines = log_events(event);
    assert_eq!(lines.len(), usize::try_from(max_lines).unwrap() + 1, "{:?}", lines.first());
    let suppressed = 10_000 - max_lines;
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
        peer: PEER,
        request_id: Some(&"id"),
    });
}

#[test]
fn refused_checks_are_logged_at_a_limited_rate() {
    assert_limit(MAX_ANONYMOUS_LINES, |recorder| check(recorder, Outcome::Malformed, None));
    assert_limit(MAX_ANONYMOUS_LINES, |recorder| check(recorder, Outcome::Fail, Some("alice")));
    assert_limit(MAX_ANONYMOUS_LINES, |recorder| check(recorder, Outcome::Deny, None));
    assert_limit(MAX_HINT_LINES, |recorder| check(recorder, Outcome::UntrustedPeer, None));
    assert_limit(MAX_HINT_LINES, |recorder| check(recorder, Outcome::UnknownHost, None));
    assert_limit(MAX_USER_LINES, |recorder| check(recorder, Outcome::Deny, Some("alice")));
}

#[test]
fn completed_sign_ins_are_logged_at_a_limited_rate() {
    for outcome in LoginOutcome::ALL.into_iter().filter(|outcome| *outcome != LoginOutcome::Started) {
        let event =
            LoginEvent { outcome, detail: Some(&"no"), subject: Some("alice"), host: "h", request_id: &"id" };
        assert_limit(max_login_lines(outcome), |recorder| recorder.login(&event));
    }
}

#[test]
fn hints_sign_outs_and_omitted_claims_are_logged_at_a_limited_rate() {
    assert_limit(MAX_HINT_LINES, |recorder| {
        recorder.hint(&Hint::UnknownCheck { peer: PEER, path: "/x", paths: "/check/y" });
    });
    assert_limit(MAX_HINT_LINES, |recorder| recorder.hint(&Hint::UnknownHost("evil.test")));
    assert_limit(MAX_HINT_LINES, |recorder| recorder.hint(&Hint::GroupsUnknown("alice")));
    assert_limit(MAX_HINT_LINES, |recorder| {
        recorder.hint(&Hint::RefusalNotRepeated { caller: Caller::PAGE, policy: "default" });
    });
    assert_limit(MAX_HINT_LINES, |recorder| {
        recorder.hint(&Hint::FieldOmitted { caller: Caller::PAGE, name: "x-forwarded-group", bytes: 40_000 });
    });
    assert_limit(MAX_HINT_LINES, |recorder| {
        recorder.hint(&Hint::TooFewFields {
            peer: PEER,
            caller: Caller::PAGE,
            checks: 50,
            remedy: "list it",
        });
    });
    assert_limit(MAX_USER_LINES, |recorder| recorder.signed_out("h", "alice", &"id"));
    let ended = EndedOthers { subject: "alice".to_owned(), sessions: 2 };
    assert_limit(MAX_USER_LINES, |recorder| recorder.ended_others("h", &ended, &"id"));
    let omitted = omitted();
    assert_limit(MAX_USER_LINES, |recorder| {
        recorder.omitted_claims(&omitted, "alice", IdentityMade::SignIn);
    });
}

#[test]
fn every_end_by_the_operator_is_logged() {
    let ended = EndedOthers { subject: "alice".to_owned(), sessions: 2 };
    let lines = log_events(|recorder| recorder.ended_by_operator(&ended));
    assert_eq!(lines.len(), EVENTS + 1, "no limit, because only the operator causes them");
    let line = &lines[0];
    assert!(
        ["sessions ended by the operator", "alice", "2"].iter().all(|words| line.contains(words)),
        "{line}"
    );
}

fn omitted() -> Omissions {
    let of = |place: &str, text: &str| OmittedClaim {
        place: place.to_owned(),
        text: text.to_owned(),
        why: InvalidHeaderText::Separator.into(),
    };
    Omissions { listed: vec![of("groups[1]", "a,b"), of("groups[3]", "c,d")], others: 0 }
}

#[test]
fn omitted_claims_are_one_line_and_at_refreshes_only_a_debug_line() {
    let lines = log_events(|recorder| recorder.omitted_claims(&omitted(), "alice", IdentityMade::SignIn));
    assert!(lines[0].contains("groups[1] (a,b), groups[3] (c,d): "), "{}", lines[0]);
    let lines = log_events(|recorder| recorder.omitted_claims(&omitted(), "alice", IdentityMade::Refresh));
    assert_eq!(lines, Vec::<String>::new(), "the subscriber's level is info");
}

fn refresh(recorder: &Recorder, outcome: RefreshOutcome) {
    let caller = Caller::PAGE;
    recorder.refresh(&RefreshEvent { outcome, detail: Some(&"no"), subject: "alice", caller });
}

#[test]
fn unsuccessful_refreshes_are_logged_at_a_limited_rate() {
    for outcome in [
        RefreshOutcome::TooLate,
        RefreshOutcome::GrantRefused,
        RefreshOutcome::ProviderMisbehaved,
        RefreshOutcome::Configuration,
        RefreshOutcome::NotKept,
    ] {
        assert_limit(MAX_USER_LINES, |recorder| refresh(recorder, outcome));
    }
}

#[test]
fn alternating_outages_and_refreshes_are_logged_at_a_limited_rate() {
    let lines = log_events(|recorder| {
        refresh(recorder, RefreshOutcome::ProviderUnavailable);
        refresh(recorder, RefreshOutcome::Renewed);
    });
    for kind in ["does not refresh sessions", "refreshes sessions again"] {
        let of_kind = lines.iter().filter(|line| line.contains(kind)).count();
        assert_eq!(of_kind, usize::try_from(MAX_USER_LINES).unwrap() + 1, "{kind}");
    }
}

#[test]
fn logout_tokens_are_logged_at_a_limited_rate() {
    let whom = Whom::Subject("alice".to_owned());
    for outcome in BackchannelOutcome::ALL {
        let accepted = matches!(outcome, BackchannelOutcome::Ended | BackchannelOutcome::MustRefresh);
        let whom = accepted.then_some(&whom);
        let event = BackchannelEvent { outcome, detail: None, whom, request_id: &"id" };
        let max_lines = if accepted { MAX_USER_LINES } else { MAX_ANONYMOUS_LINES };
        assert_limit(max_lines, |recorder| recorder.backchannel_logout(&event));
    }
}

#[test]
fn rate_limit_of_one_kind_does_not_suppress_another_kind() {
    let lines = log_events(|recorder| {
        check(recorder, Outcome::Malformed, None);
        recorder.hint(&Hint::UnknownHost("evil.test"));
    });
    assert_eq!(lines.iter().filter(|line| line.contains("evil.test")).count(), 2);
}
