//! Fakes of the ports, for the tests of flows
//!
//! 1. All fakes of a test record their calls in one list, so that a test sees their order across ports.
//! 2. A fake does what the test sets. It uses no socket, no clock and no random bytes.

mod markers;
mod provider;
mod rules;
mod sessions;

use std::fmt::Display;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use tokio::task::yield_now;
use zeroize::Zeroizing;

pub(super) use self::markers::FakeMarkers;
pub(super) use self::provider::{FakeProvider, ISSUER, claims_of, refreshed, signed_in};
pub(super) use self::rules::{origin, origins, snapshot};
pub(super) use self::sessions::{FakeSessions, LeaseState, State};
use super::audit::{
    Audit, BackchannelEvent, CallOutcome, CheckEvent, Hint, IdentityMade, LoginEvent, ProviderCall,
    RefreshEvent,
};
use super::caller::{Caller, REMOVED_ON_THE_WAY};
use super::ports::{Clock, EndedOthers, Entropy, NoEntropy, Refreshable, SessionId, UnixTime};
use super::refresh::{Exchanges, Refresh, RefreshSettings};
use super::snapshot::CurrentSnapshot;
use crate::access::claims::Omissions;
use crate::access::policy::DEFAULT;
use crate::secret::Secret;

/// When each test begins.
pub(super) const NOW: UnixTime = UnixTime(1_800_000_000);

/// A caller that waits longer than any test.
pub(super) const CALLER: Caller =
    Caller { label: "test", patience: Duration::from_secs(60), cookie_remedy: REMOVED_ON_THE_WAY };

/// The calls that fakes recorded, in their order.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn record(&self, call: impl Into<String>) {
        self.0.lock().unwrap().push(call.into());
    }

    /// Returns the calls since the last `take`.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Returns how many calls begin with this text.
    pub(super) fn count(&self, start: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|call| call.starts_with(start)).count()
    }
}

/// A value that a test sets and a fake reads.
#[derive(Default)]
pub(super) struct Setting<T>(Mutex<T>);

impl<T> Setting<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn set(&self, value: T) {
        *self.0.lock().unwrap() = value;
    }

    pub(super) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.lock().unwrap())
    }

    pub(super) fn get(&self) -> T
    where
        T: Clone,
    {
        self.0.lock().unwrap().clone()
    }
}

/// One fake of each port.
pub(super) struct Fakes {
    pub(super) calls: Calls,
    pub(super) provider: Arc<FakeProvider>,
    pub(super) sessions: Arc<FakeSessions>,
    pub(super) markers: Arc<FakeMarkers>,
    pub(super) clock: Arc<FakeClock>,
    pub(super) entropy: Arc<FakeEntropy>,
    pub(super) audit: Arc<FakeAudit>,
    /// The rules: the group `dev` is permitted.
    pub(super) snapshot: CurrentSnapshot,
}

impl Fakes {
    pub(super) fn new() -> Self {
        let calls = Calls::default();
        Self {
            provider: Arc::new(FakeProvider::new(calls.clone())),
            sessions: Arc::new(FakeSessions::new(calls.clone())),
            markers: Arc::new(FakeMarkers::new(calls.clone())),
            clock: Arc::new(FakeClock(AtomicU64::new(NOW.0))),
            entropy: Arc::default(),
            audit: Arc::new(FakeAudit(calls.clone())),
            snapshot: CurrentSnapshot::new(snapshot([(DEFAULT, &["dev"][..])])),
            calls,
        }
    }

    /// Returns the refresh over these fakes.
    pub(super) fn refresh(&self, settings: RefreshSettings) -> Arc<Refresh> {
        Arc::new(Refresh {
            provider: Arc::clone(&self.provider) as _,
            sessions: Arc::clone(&self.sessions) as _,
            clock: Arc::clone(&self.clock) as _,
            snapshot: self.snapshot.clone(),
            audit: Arc::clone(&self.audit) as _,
            settings,
            exchanges: Exchanges::default(),
        })
    }
}

/// A clock that only a test advances.
pub(super) struct FakeClock(AtomicU64);

impl FakeClock {
    pub(super) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// Fills buffers with the number of the call, or fails at one.
#[derive(Default)]
pub(super) struct FakeEntropy {
    fills: AtomicU8,
    /// The call that fails, counted from 1; none if 0.
    pub(super) fails_at: AtomicU8,
}

impl Entropy for FakeEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        let number = self.fills.fetch_add(1, Ordering::Relaxed) + 1;
        buffer.fill(number);
        if number == self.fails_at.load(Ordering::Relaxed) { Err(NoEntropy) } else { Ok(()) }
    }
}

/// Records events by their labels.
pub(super) struct FakeAudit(Calls);

impl Audit for FakeAudit {
    fn refresh(&self, event: &RefreshEvent<'_>) {
        self.0.record(format!("audit {} {}", event.outcome.label(), event.subject));
    }

    fn waits(&self, caller: Caller) {
        self.0.record(format!("audit waits {}", caller.label));
    }

    fn omitted_claims(&self, omitted: &Omissions, subject: &str, made: IdentityMade) {
        let places: Vec<_> = omitted.listed.iter().map(|omitted| &*omitted.place).collect();
        self.0.record(format!("audit left out {} of {subject} at {made:?}", places.join(" ")));
    }

    fn hint(&self, hint: &Hint<'_>) {
        self.0.record(match hint {
            Hint::GroupsUnknown(subject) => format!("hint groups unknown {subject}"),
            Hint::GroupsNotRequested { claims, scope } => {
                format!("hint groups not requested {claims}: {scope}")
            }
            Hint::RotationNotDelivered(caller) => format!("hint not delivered {}", caller.label),
            _ => panic!("no flow under test reports this hint"),
        });
    }

    fn check(&self, _: &CheckEvent<'_>) {
        panic!("the caller of a flow records this")
    }

    fn login(&self, _: &LoginEvent<'_>) {
        panic!("the caller of a flow records this")
    }

    fn ended_by_operator(&self, _: &EndedOthers) {
        panic!("no flow under test records this")
    }

    fn ended_others(&self, _: &str, _: &EndedOthers, _: &dyn Display) {
        panic!("the caller of a flow records this")
    }

    fn signed_out(&self, _: &str, _: &str, _: &dyn Display) {
        panic!("no flow under test signs out")
    }

    fn backchannel_logout(&self, _: &BackchannelEvent<'_>) {
        panic!("no flow under test takes a logout token")
    }

    fn provider_call(&self, _: ProviderCall, _: CallOutcome, _: Duration) {
        panic!("the provider records this")
    }
}

/// Returns a session to refresh, with the refresh token `first`.
pub(super) fn refreshable(id: u8, subject: &str) -> Refreshable {
    Refreshable {
        id: SessionId([id; 16]),
        generation: 1,
        subject: subject.to_owned(),
        refresh_token: Secret::new("first"),
        origin: origin(),
        active_at: NOW,
        ends_at: NOW,
        contents: Zeroizing::default(),
    }
}

fn cookie(text: &str) -> HeaderValue {
    text.parse().unwrap()
}

/// Returns `Set-Cookie` values as text.
pub(super) fn texts(cookies: &[HeaderValue]) -> Vec<&str> {
    cookies.iter().map(|cookie| cookie.to_str().unwrap()).collect()
}

/// Lets other tasks run until a condition holds.
pub(super) async fn until(holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        yield_now().await;
    }
    panic!("no task makes the condition hold");
}
