//! Metrics for Prometheus
//!
//! 1. Every series exists from the start, with the value zero. Only the number of sessions is missing while it is unknown.
//! 2. A check finds its counter without a lookup in the registry and increments an atomic.

use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::log::LostLines;
use super::refreshes::Refreshes;
use super::session_count::SessionCount;
use crate::flow::audit::{BackchannelOutcome, CallOutcome, LoginOutcome, Outcome, ProviderCall};
use crate::flow::caller::Caller;

/// The buckets of call durations, in seconds. They cover fast answers and slow ones.
const CALL_BUCKETS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    dialect: &'static str,
    decision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackchannelLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    call: &'static str,
    outcome: &'static str,
}

/// All series.
pub struct Metrics {
    registry: Registry,
    checks: Vec<(&'static str, [Counter; Outcome::ALL.len()])>,
    logins: Family<LoginLabels, Counter>,
    sign_outs: Counter,
    backchannel_logouts: Family<BackchannelLabels, Counter>,
    calls: Family<CallLabels, Histogram, fn() -> Histogram>,
    provider_ready: Gauge,
    refreshes: Refreshes,
    sessions: SessionCount,
    keys_are_shared: Gauge,
    lost_lines: (LostLines, Counter),
}

impl Metrics {
    /// Creates all series with the value zero. Checks are counted for these dialects only.
    pub fn new(lost_lines: LostLines, dialects: &[&'static str]) -> Self {
        let mut registry = Registry::with_prefix("foregate");
        let checks = Family::<CheckLabels, Counter>::default();
        let of_dialect = |dialect| {
            Outcome::ALL.map(|outcome| {
                let labels = CheckLabels { dialect, decision: outcome.label() };
                checks.get_or_create(&labels).clone()
            })
        };
        let series = dialects.iter().map(|dialect| (*dialect, of_dialect(*dialect))).collect();
        registry.register("checks", "Checks, by dialect and decision", checks);
        let logins = Family::<LoginLabels, Counter>::default();
        for outcome in LoginOutcome::ALL {
            drop(logins.get_or_create(&LoginLabels { outcome: outcome.label() }));
        }
        registry.register("logins", "Sign-in steps, by outcome", logins.clone());
        let sign_outs = Counter::default();
        registry.register("sign_outs", "Sessions that users and the operator ended", sign_outs.clone());
        let backchannel_logouts = Family::<BackchannelLabels, Counter>::default();
        for outcome in BackchannelOutcome::ALL {
            drop(backchannel_logouts.get_or_create(&BackchannelLabels { outcome: outcome.label() }));
        }
        let help = "Logout tokens received, by outcome";
        registry.register("backchannel_logouts", help, backchannel_logouts.clone());
        let calls = Family::<CallLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| {
            Histogram::new(CALL_BUCKETS)
        });
        let help = "Calls to the provider, by call and outcome";
        registry.register_with_unit("provider_call", help, Unit::Seconds, calls.clone());
        let provider_ready = Gauge::default();
        let help = "Whether the provider's metadata and keys are loaded: 1 if they are; 0 means that no user can sign in";
        registry.register("provider_ready", help, provider_ready.clone());
        let (sessions, keys_are_shared) = (SessionCount::default(), Gauge::default());
        registry.register_collector(Box::new(sessions.clone()));
        let help = "Whether another process seals sessions with the same keys: 1 means that they end each other's sessions";
        registry.register("session_keys_are_shared", help, keys_are_shared.clone());
        let refreshes = Refreshes::register(&mut registry, dialects);
        let lost = Counter::default();
        let help =
            "Log lines not written because the reader of the log is gone or too slow, or its disk is full";
        registry.register("log_lines_lost", help, lost.clone());
        Self {
            registry,
            checks: series,
            logins,
            sign_outs,
            backchannel_logouts,
            calls,
            provider_ready,
            refreshes,
            sessions,
            keys_are_shared,
            lost_lines: (lost_lines, lost),
        }
    }

    /// Counts a check.
    pub fn count_check(&self, caller: Caller, outcome: Outcome) {
        let of_dialect = self.checks.iter().find(|(dialect, _)| *dialect == caller.label);
        let by_outcome = Outcome::ALL.iter().position(|candidate| *candidate == outcome);
        if let Some(counter) = of_dialect.zip(by_outcome).and_then(|((_, series), index)| series.get(index)) {
            counter.inc();
        }
    }

    /// Counts a step of a sign-in.
    pub fn count_login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabels { outcome: outcome.label() }).inc();
    }

    /// Counts sessions that their user ended.
    pub fn count_sign_outs(&self, sessions: usize) {
        self.sign_outs.inc_by(sessions as u64);
    }

    /// Returns the series of refreshes.
    pub fn refreshes(&self) -> &Refreshes {
        &self.refreshes
    }

    /// Counts a logout token.
    pub fn count_backchannel_logout(&self, outcome: BackchannelOutcome) {
        let labels = BackchannelLabels { outcome: outcome.label() };
        self.backchannel_logouts.get_or_create(&labels).inc();
    }

    /// Records the duration of a call to the provider.
    pub fn observe_provider_call(&self, call: ProviderCall, outcome: CallOutcome, took: Duration) {
        let labels = CallLabels { call: call.label(), outcome: outcome.label() };
        self.calls.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Sets the number of tracked sessions, if it is known, and whether another process uses their keys.
    pub fn set_sessions(&self, known: Option<usize>, keys_are_shared: bool) {
        self.sessions.set(known);
        self.keys_are_shared.set(keys_are_shared.into());
    }

    /// Sets whether users can sign in.
    pub fn set_provider_ready(&self, ready: bool) {
        self.provider_ready.set(ready.into());
    }

    /// Returns all series as text (`OpenMetrics` 1.0).
    pub fn text(&self) -> String {
        let (lost_lines, lost) = &self.lost_lines;
        lost.inner().store(lost_lines.count(), Ordering::Relaxed);
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _written = text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(LostLines::default(), &[])
    }
}
