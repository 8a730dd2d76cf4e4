//! Which numbers does Prometheus read?
//!
//! Every series exists from the start, at zero, and is found without a lookup: a check adds one to an atomic.

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
use crate::flow::audit::{BackchannelOutcome, CallOutcome, LoginOutcome, Outcome, ProviderCall};
use crate::flow::caller::Caller;

/// Seconds; a provider answers within a blink or takes its time.
const BUCKETS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

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
    sessions: Gauge,
    keys_are_shared: Gauge,
    lost_lines: (LostLines, Counter),
}

impl Metrics {
    /// Creates all series at zero; checks are counted for these dialects alone.
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
        registry.register("checks", "Decisions, by who asked and how it ended", checks);
        let logins = Family::<LoginLabels, Counter>::default();
        for outcome in LoginOutcome::ALL {
            drop(logins.get_or_create(&LoginLabels { outcome: outcome.label() }));
        }
        registry.register("logins", "Steps of sign-ins, by outcome", logins.clone());
        let sign_outs = Counter::default();
        registry.register("sign_outs", "Sessions that people ended", sign_outs.clone());
        let backchannel_logouts = Family::<BackchannelLabels, Counter>::default();
        for outcome in BackchannelOutcome::ALL {
            drop(backchannel_logouts.get_or_create(&BackchannelLabels { outcome: outcome.label() }));
        }
        let help = "Logout tokens that came, by outcome";
        registry.register("backchannel_logouts", help, backchannel_logouts.clone());
        let calls = Family::<CallLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| {
            Histogram::new(BUCKETS)
        });
        let help = "Calls to the provider, by call and outcome";
        registry.register_with_unit("provider_call", help, Unit::Seconds, calls.clone());
        let provider_ready = Gauge::default();
        let help = "Whether the provider's metadata and keys are loaded: 1, or 0 and nobody can sign in";
        registry.register("provider_ready", help, provider_ready.clone());
        let (sessions, keys_are_shared) = (Gauge::default(), Gauge::default());
        registry.register("sessions_known", "Sessions that this process keeps in mind", sessions.clone());
        let help = "Whether another process seals sessions with the same keys: 1, and they end each other's sessions";
        registry.register("session_keys_are_shared", help, keys_are_shared.clone());
        let refreshes = Refreshes::listed(&mut registry, dialects);
        let lost = Counter::default();
        let help = "Log lines that could not be written: its reader is gone or too slow, or its disk is full";
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
    pub fn check(&self, caller: Caller, outcome: Outcome) {
        let of_dialect = self.checks.iter().find(|(dialect, _)| *dialect == caller.label);
        let by_outcome = Outcome::ALL.iter().position(|one| *one == outcome);
        if let Some(counter) = of_dialect.zip(by_outcome).and_then(|((_, series), index)| series.get(index)) {
            counter.inc();
        }
    }

    /// A sign-in took a step.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabels { outcome: outcome.label() }).inc();
    }

    /// A person signed out.
    pub fn signed_out(&self) {
        self.sign_outs.inc();
    }

    /// Renewals of sessions.
    pub fn refreshes(&self) -> &Refreshes {
        &self.refreshes
    }

    /// A logout token came.
    pub fn backchannel_logout(&self, outcome: BackchannelOutcome) {
        let labels = BackchannelLabels { outcome: outcome.label() };
        self.backchannel_logouts.get_or_create(&labels).inc();
    }

    /// The provider was called.
    pub fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, took: Duration) {
        let labels = CallLabels { call: call.label(), outcome: outcome.label() };
        self.calls.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// How many sessions are known, and whether another process knows their keys.
    pub fn sessions(&self, known: usize, keys_are_shared: bool) {
        self.sessions.set(i64::try_from(known).unwrap_or(i64::MAX));
        self.keys_are_shared.set(keys_are_shared.into());
    }

    /// Whether people can sign in now.
    pub fn provider_ready(&self, ready: bool) {
        self.provider_ready.set(ready.into());
    }

    /// All series as text (`OpenMetrics` 1.0).
    pub fn text(&self) -> String {
        let (lost_lines, lost) = &self.lost_lines;
        lost.inner().store(lost_lines.count(), Ordering::Relaxed);
        let mut text = String::new();
        // Writing into a string has no way to fail.
        let _written = text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(LostLines::default(), &[])
    }
}
