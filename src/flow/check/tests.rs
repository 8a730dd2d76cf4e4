use std::sync::Mutex;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, Method};

use super::*;
use crate::access::policy::DEFAULT;
use crate::access::query_conditions::NO_CONDITIONS;
use crate::access::target::Target;
use crate::flow::ports::{RefreshError, ReloadCount};
use crate::flow::refresh::RefreshSettings;
use crate::flow::testing::{
    CALLER, Fakes, LeaseState, NOW, State, origin, refreshable, refreshed, snapshot, texts, until,
};

const ABSENT: State = State::Absent(Absence::NoCookie);
const UNKNOWN: State = State::Undetermined(Outage::SessionStore);
const REFRESHED: [&str; 5] = [
    "first_answer",
    "lease at 0",
    "refresh first 1",
    "commit second alice in dev meets 1 at 0",
    "audit renewed 1",
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Navigation,
    Form,
    Script,
    WebSocket,
    Public,
    /// The proxy does not show whether it is a navigation.
    Hidden,
    Background,
}

const KINDS: [Kind; 6] =
    [Kind::Navigation, Kind::Form, Kind::Script, Kind::WebSocket, Kind::Public, Kind::Hidden];

impl Kind {
    fn method(self) -> Method {
        if let Self::Form = self { Method::POST } else { Method::GET }
    }

    fn target(self) -> &'static str {
        match self {
            Self::Public => "/assets/x.js",
            Self::Background => "/poll",
            _ => "/page",
        }
    }

    fn headers(self) -> HeaderMap {
        let fields: &[(&'static str, &str)] = match self {
            Self::Navigation | Self::Form => {
                &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
            }
            Self::Script | Self::Public | Self::Background => {
                &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]
            }
            Self::WebSocket => &[("upgrade", "websocket"), ("sec-websocket-key", "x")],
            Self::Hidden => &[],
        };
        let fields = fields.iter().map(|(name, text)| (HeaderName::from_static(name), text.parse().unwrap()));
        fields.collect()
    }
}

/// A record of a decision, as text.
#[derive(Debug, PartialEq, Eq)]
struct Recorded {
    answer: String,
    absence: Option<Absence>,
    subject: Option<String>,
}

struct Gateway {
    fakes: Fakes,
    check: Check,
    records: Mutex<Vec<Recorded>>,
}

impl Gateway {
    /// A gateway whose openings find these states.
    fn new(states: &[State]) -> Self {
        let fakes = Fakes::new();
        fakes.sessions.states.set(states.to_vec().into());
        let timeout = CALLER.patience;
        let check = Check {
            snapshot: fakes.snapshot.clone(),
            sessions: Arc::clone(&fakes.sessions) as _,
            markers: Arc::clone(&fakes.markers) as _,
            clock: Arc::clone(&fakes.clock) as _,
            refresh: fakes.refresh(RefreshSettings { provider_bears_reuse: false, timeout }),
        };
        Self { fakes, check, records: Mutex::default() }
    }

    async fn check(&self, kind: Kind) -> Checked {
        self.check_from(kind, CALLER, kind.headers()).await
    }

    async fn check_from(&self, kind: Kind, caller: Caller, headers: HeaderMap) -> Checked {
        let (origin, method) = (origin(), kind.method());
        let target = Target::parse(kind.target().as_bytes()).unwrap();
        let request = AccessRequest {
            origin: &origin,
            target,
            method: &method,
            headers: &headers,
            policy: DEFAULT,
            conditions: &NO_CONDITIONS,
            foreign_fields_are_removed: true,
            client_is_hidden: matches!(kind, Kind::Hidden),
            credential: Credential::None,
        };
        let snapshot = self.fakes.snapshot.load();
        let record = |record: &DecisionRecord<'_>| {
            let DecisionRecord { decision, absence, subject } = *record;
            self.records.lock().unwrap().push(recorded(&answer(decision), absence, subject));
        };
        self.check.check(&snapshot, &request, caller, record).await
    }

    /// Returns the records since the last call of this function.
    fn records(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.records.lock().unwrap())
    }

    /// Pauses all refreshes for a while.
    async fn pause_refreshes(&self) {
        self.fakes.provider.will_answer(|| Err(asks_for_patience()));
        self.check.refresh.finish(refreshable(9, "9"), CALLER, CALLER.patience).await;
        self.fakes.calls.take();
    }
}

fn recorded(answer: &str, absence: Option<Absence>, subject: Option<&str>) -> Recorded {
    Recorded { answer: answer.to_owned(), absence, subject: subject.map(str::to_owned) }
}

fn asks_for_patience() -> RefreshError {
    RefreshError::Unavailable { why: "429".to_owned(), retry_after: Some(Duration::from_secs(20)) }
}

fn answer(decision: &Decision) -> String {
    match decision {
        Decision::Allow(grant) => {
            let user = grant.fields().find(|(name, _)| name == "x-forwarded-user");
            format!("allow {}", user.map_or(String::new(), |(_, user)| user.to_str().unwrap().to_owned()))
        }
        Decision::Challenge(Challenge::SignIn(url)) => {
            url.strip_prefix("https://app.test/oauth2/").unwrap().split('?').next().unwrap().to_owned()
        }
        Decision::Challenge(Challenge::FormNotSent(_)) => "form not sent".to_owned(),
        Decision::Challenge(Challenge::Unauthenticated) => "401".to_owned(),
        Decision::Deny(_) => "deny".to_owned(),
        Decision::Fail(outage) => format!("fail {outage:?}"),
    }
}

#[tokio::test]
async fn session_state_and_request_kind_determine_the_decision() {
    let (store, provider) = ("fail SessionStore", "fail Provider");
    let cases = [
        (State::Usable, ["allow alice"; 6], None),
        (State::Due, ["allow alice"; 6], None),
        (ABSENT, ["start", "form not sent", "401", "401", "allow ", "start"], Some(Absence::NoCookie)),
        (UNKNOWN, [store, store, store, store, "allow ", store], None),
        (
            State::Expired,
            ["refresh", provider, provider, provider, "allow ", provider],
            Some(Absence::Expired),
        ),
    ];
    for (state, answers, absence) in cases {
        for (kind, expected) in KINDS.into_iter().zip(answers) {
            let gateway = Gateway::new(&[state]);
            gateway.pause_refreshes().await;
            let checked = gateway.check(kind).await;
            assert_eq!(answer(&checked.decision), expected, "{state:?} {kind:?}");
            let subject = absence.is_none() && !matches!(state, State::Undetermined(_));
            let record = recorded(expected, absence, subject.then_some("1"));
            assert_eq!(gateway.records(), [record], "{state:?} {kind:?}");
            assert_eq!(gateway.fakes.calls.count("lease"), 0, "{state:?} {kind:?}");
        }
    }
}

#[tokio::test]
async fn request_with_expired_tokens_waits_once_and_is_allowed() {
    for kind in [Kind::Form, Kind::Script, Kind::WebSocket, Kind::Hidden] {
        let gateway = Gateway::new(&[State::Expired, State::Usable]);
        let clock = Arc::clone(&gateway.fakes.clock);
        gateway.fakes.provider.will_answer(move || {
            clock.advance(7);
            Ok(refreshed())
        });
        let checked = gateway.check(kind).await;
        assert_eq!(answer(&checked.decision), "allow alice", "{kind:?}");
        let calls = gateway.fakes.calls.take();
        assert_eq!((&*calls[0], &*calls[1], &*calls[2]), ("open", "audit waits test", REFRESHED[0]));
        assert_eq!((calls.len(), &*calls[7]), (8, "open"), "{calls:?}");
        assert_eq!(gateway.records(), [recorded("allow alice", None, Some("1"))]);
        let openings = gateway.fakes.sessions.openings.get();
        assert_eq!(openings, [(0, true), (7, true)], "each opening is at its own time");
    }
}

#[tokio::test]
async fn session_that_ended_during_the_wait_is_challenged() {
    let gateway = Gateway::new(&[State::Expired, State::Absent(Absence::Ended)]);
    assert_eq!(answer(&gateway.check(Kind::Script).await.decision), "401");
    assert_eq!(gateway.records(), [recorded("401", Some(Absence::Ended), None)]);
}

#[tokio::test]
async fn refresh_that_began_too_early_is_followed_by_a_second_wait() {
    let gateway = Gateway::new(&[State::Expired, State::Expired, State::Usable]);
    assert_eq!(answer(&gateway.check(Kind::Script).await.decision), "allow alice");
    let waits = gateway.fakes.calls.count("audit waits");
    assert_eq!((waits, gateway.fakes.calls.count("refresh first")), (1, 2), "one request waits");
    assert_eq!(gateway.records().len(), 1);
}

#[tokio::test]
async fn session_still_expired_after_two_waits_fails_without_a_challenge() {
    for lease in [LeaseState::Free, LeaseState::HeldByOther] {
        let gateway = Gateway::new(&[State::Expired]);
        gateway.fakes.sessions.lease.set(lease);
        let checked = gateway.check(Kind::Script).await;
        assert_eq!(answer(&checked.decision), "fail Provider");
        assert!(matches!(checked.reload, PageReload::No) && checked.pending_cookies.is_none());
        let count = |start| gateway.fakes.calls.count(start);
        assert_eq!((count("open"), count("audit waits"), count("lease")), (3, 1, 2), "{lease:?}");
        assert_eq!(gateway.records(), [recorded("fail Provider", Some(Absence::Expired), None)]);
    }
}

#[tokio::test]
async fn wait_that_exceeds_its_budget_fails_without_a_second_wait() {
    let gateway = Gateway::new(&[State::Expired]);
    gateway.fakes.provider.hold();
    let impatient = Caller { patience: Duration::ZERO, ..CALLER };
    let checked = gateway.check_from(Kind::Script, impatient, Kind::Script.headers()).await;
    assert_eq!(answer(&checked.decision), "fail Provider");
    assert_eq!(gateway.records(), [recorded("fail Provider", Some(Absence::Expired), None)]);
    let count = |start| gateway.fakes.calls.count(start);
    assert_eq!((count("open"), count("audit waits")), (2, 1));
    gateway.fakes.provider.answer();
    gateway.check.refresh.drained().await;
    assert_eq!((count("lease"), count("commit")), (1, 1), "the refresh continues");
}

#[tokio::test]
async fn refresh_that_must_not_start_fails_without_a_challenge() {
    let gateway = Gateway::new(&[State::Expired]);
    gateway.fakes.provider.will_answer(|| Err(asks_for_patience()));
    assert_eq!(answer(&gateway.check(Kind::Script).await.decision), "fail Provider");
    assert_eq!(gateway.records().len(), 1);
    assert_eq!(gateway.fakes.calls.count("lease"), 1, "the second wait does not begin");
}

#[tokio::test]
async fn session_due_for_refresh_is_allowed_before_the_refresh_ends() {
    let gateway = Gateway::new(&[State::Due]);
    gateway.fakes.provider.hold();
    for _ in 0..2 {
        let checked = gateway.check(Kind::Navigation).now_or_never().unwrap();
        assert_eq!(answer(&checked.decision), "allow alice");
    }
    assert_eq!(gateway.fakes.calls.take(), ["open"; 2]);
    until(|| gateway.fakes.calls.count("refresh") == 1).await;
    gateway.check(Kind::Script).now_or_never().unwrap();
    gateway.fakes.provider.answer();
    gateway.check.refresh.drained().await;
    assert_eq!(gateway.fakes.calls.take(), [&REFRESHED[..3], &["open"], &REFRESHED[3..]].concat());
}

#[tokio::test]
async fn denied_request_starts_no_refresh_and_does_not_wait() {
    let gateway = Gateway::new(&[State::Due]);
    gateway.fakes.snapshot.replace(snapshot([(DEFAULT, &["admin"][..])]));
    assert_eq!(answer(&gateway.check(Kind::Script).await.decision), "deny");
    assert_eq!(gateway.records(), [recorded("deny", None, Some("1"))]);
    gateway.fakes.sessions.states.set([State::Expired].into());
    let mut forged = Kind::Script.headers();
    forged.insert("connection", "x-forwarded-user".parse().unwrap());
    let checked = gateway.check_from(Kind::Script, CALLER, forged).await;
    assert_eq!(answer(&checked.decision), "deny");
    gateway.check.refresh.drained().await;
    assert_eq!(gateway.fakes.calls.take(), ["open"; 2]);
}

#[tokio::test]
async fn undetermined_session_sets_no_marker_and_reloads_no_page() {
    let gateway = Gateway::new(&[UNKNOWN]);
    for kind in [Kind::Navigation, Kind::Script, Kind::WebSocket] {
        let checked = gateway.check(kind).await;
        assert!(matches!(checked.reload, PageReload::No) && checked.pending_cookies.is_none());
    }
    assert_eq!(gateway.fakes.calls.take(), ["open"; 3]);
}

#[tokio::test]
async fn pending_cookies_are_sent_with_pages_and_data_only() {
    let gateway = Gateway::new(&[State::Usable]);
    gateway.fakes.sessions.pending_cookies.set(Some(Arc::from(["session=new".parse().unwrap()])));
    let cases = [("document", true), ("iframe", true), ("empty", true), ("websocket", true)];
    for (dest, expected) in cases.into_iter().chain([("image", false), ("script", false), ("x", false)]) {
        let headers =
            HeaderMap::from_iter([(HeaderName::from_static("sec-fetch-dest"), dest.parse().unwrap())]);
        let checked = gateway.check_from(Kind::Script, CALLER, headers).await;
        let sent = checked.pending_cookies.as_deref().map(texts);
        assert_eq!(sent, expected.then(|| vec!["session=new"]), "{dest}");
    }
    assert!(gateway.check_from(Kind::Script, CALLER, HeaderMap::new()).await.pending_cookies.is_some());
    let public = gateway.check(Kind::Public).await;
    assert_eq!(
        (answer(&public.decision), public.pending_cookies.is_none()),
        ("allow alice".to_owned(), true)
    );
}

#[tokio::test]
async fn script_without_a_session_reloads_its_page_at_most_three_times() {
    let gateway = Gateway::new(&[ABSENT]);
    let (now, earlier) = (NOW, UnixTime(NOW.0 - 1));
    let cases = [
        (None, "counted", Some("set_reload_count 1")),
        (Some((1, earlier)), "counted", Some("set_reload_count 2")),
        (Some((3, now)), "yes", None),
        (Some((3, earlier)), "no", None),
    ];
    for (count, expected, call) in cases {
        gateway.fakes.markers.reload_count.set(count.map(|(times, at)| ReloadCount { times, at }));
        let reload = match gateway.check(Kind::Script).await.reload {
            PageReload::No => "no",
            PageReload::Yes => "yes",
            PageReload::YesAndCount(cookie) => {
                assert_eq!(cookie, "reloads=counted");
                "counted"
            }
        };
        assert_eq!(reload, expected, "{count:?}");
        let calls: Vec<_> = ["open"].into_iter().chain(call).collect();
        assert_eq!(gateway.fakes.calls.take(), calls, "{count:?}");
    }
}

#[tokio::test]
async fn silent_provider_sends_no_page_to_itself() {
    let gateway = Gateway::new(&[ABSENT]);
    gateway.fakes.provider.is_silent.store(true, Ordering::Relaxed);
    for kind in [Kind::Script, Kind::WebSocket] {
        let checked = gateway.check(kind).await;
        assert_eq!(answer(&checked.decision), "fail Provider", "{kind:?}");
        assert!(matches!(checked.reload, PageReload::No));
    }
    assert_eq!(answer(&gateway.check(Kind::Navigation).await.decision), "start", "the user asked for it");
}

#[tokio::test]
async fn page_reloads_without_a_count_if_nothing_can_be_sealed() {
    let gateway = Gateway::new(&[ABSENT]);
    gateway.fakes.markers.cannot_seal.store(true, Ordering::Relaxed);
    assert!(matches!(gateway.check(Kind::WebSocket).await.reload, PageReload::Yes));
    assert!(matches!(gateway.check(Kind::Navigation).await.reload, PageReload::No));
    assert_eq!(gateway.fakes.calls.take(), ["open", "set_reload_count 1", "open"]);
}

#[tokio::test]
async fn store_that_needs_a_lookup_gets_exactly_one() {
    for (asks, expected) in [(1, "allow alice"), (2, "fail SessionStore")] {
        let gateway = Gateway::new(&[State::Usable]);
        gateway.fakes.sessions.asks.store(asks, Ordering::Relaxed);
        assert_eq!(answer(&gateway.check(Kind::Navigation).await.decision), expected);
        assert_eq!(gateway.fakes.calls.take(), ["open", "lookup", "open"]);
        assert_eq!(gateway.records().len(), 1);
    }
}

#[tokio::test]
async fn request_to_background_path_records_no_user_activity() {
    let gateway = Gateway::new(&[State::Usable]);
    for kind in [Kind::Background, Kind::Script] {
        gateway.check(kind).await;
    }
    assert_eq!(gateway.fakes.sessions.openings.get(), [(0, false), (0, true)]);
}
