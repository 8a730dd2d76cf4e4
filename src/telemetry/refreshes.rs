//! How is the renewal of sessions told?

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tracing::{debug, error, info, warn};

use super::log_rate_limit::Line;
use crate::flow::audit::{RefreshEvent, RefreshOutcome};
use crate::flow::caller::Caller;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabel {
    dialect: &'static str,
}

/// The series of renewals.
#[derive(Default)]
pub struct Refreshes {
    outcomes: Family<Labels, Counter>,
    not_delivered: Family<DialectLabel, Counter>,
    waits: Family<DialectLabel, Counter>,
    /// Whether the provider failed last: an outage is one line, not one for each session.
    failing: AtomicBool,
}

impl Refreshes {
    /// Registers all series, at zero for these dialects.
    pub fn listed(registry: &mut Registry, dialects: &[&'static str]) -> Self {
        let this = Self::default();
        for outcome in RefreshOutcome::ALL {
            drop(this.outcomes.get_or_create(&Labels { outcome: outcome.label() }));
        }
        for dialect in dialects {
            let label = DialectLabel { dialect };
            drop(this.not_delivered.get_or_create(&label));
            drop(this.waits.get_or_create(&label));
        }
        registry.register("refreshes", "Renewals of sessions' tokens, by outcome", this.outcomes.clone());
        let help = "Checks that waited for a renewal, because the tokens were over, by who asked";
        registry.register("checks_waited", help, this.waits.clone());
        let help = "Renewals after which a browser went on showing the old cookie, by who asked: 1 or more means that \
                    this caller does not hand Set-Cookie on";
        registry.register("rotation_not_delivered", help, this.not_delivered.clone());
        this
    }

    /// Counts a refresh, and logs it unless the rate limit of its outcome keeps the line back.
    pub fn record(&self, event: &RefreshEvent<'_>, line: impl FnOnce() -> Option<Line>) {
        let outcome = event.outcome.label();
        self.outcomes.get_or_create(&Labels { outcome }).inc();
        let (subject, detail) = (event.subject, event.detail.map(ToString::to_string));
        match event.outcome {
            RefreshOutcome::Renewed => {
                if self.failing.swap(false, Ordering::Relaxed)
                    && let Some(Line { suppressed }) = line()
                {
                    info!(suppressed, "the provider renews sessions again");
                }
                debug!(outcome, subject, dialect = event.caller.label, "session renewed");
            }
            RefreshOutcome::TooLate => {
                let Some(Line { suppressed }) = line() else { return };
                info!(outcome, subject, suppressed, "a session ended while it was renewed");
            }
            RefreshOutcome::GrantRefused => {
                let Some(Line { suppressed }) = line() else { return };
                info!(outcome, subject, detail, suppressed, "session over: the provider has ended it");
            }
            RefreshOutcome::ProviderMisbehaved => {
                let Some(Line { suppressed }) = line() else { return };
                let message = "session over: the provider's new tokens are not acceptable";
                warn!(outcome, subject, detail, suppressed, "{message}");
            }
            RefreshOutcome::NotKept => {
                let Some(Line { suppressed }) = line() else { return };
                let message = "session not renewed: it lives on until its tokens end";
                warn!(outcome, subject, detail, suppressed, "{message}");
            }
            RefreshOutcome::ProviderUnavailable
            | RefreshOutcome::ClientRefused
            | RefreshOutcome::OutcomeUnknown => {
                if self.failing.swap(true, Ordering::Relaxed) {
                    return debug!(outcome, subject, detail, "session not renewed");
                }
                let Some(Line { suppressed }) = line() else { return };
                warn!(
                    outcome,
                    subject,
                    detail,
                    suppressed,
                    "the provider does not renew sessions; they live on until their tokens end, and it is asked again"
                );
            }
        }
    }

    /// A check waits.
    pub fn waits(&self, caller: Caller) {
        self.waits.get_or_create(&DialectLabel { dialect: caller.label }).inc();
    }

    /// A caller drops cookies.
    pub fn not_delivered(&self, caller: Caller) {
        self.not_delivered.get_or_create(&DialectLabel { dialect: caller.label }).inc();
    }
}

/// A caller drops cookies.
pub fn not_delivered(caller: Caller) {
    warn!(
        dialect = caller.label,
        "renewed sessions do not reach browsers: this proxy does not hand Set-Cookie on ({}); until it does, a restart of \
         the gateway costs people a redirect",
        caller.cookie_remedy
    );
}

/// Two processes with one key.
pub fn keys_are_shared() {
    error!(
        "cookies come that another process seals with the same session.keys: this store is for one process alone, and \
         two of them end each other's sessions; run one, or give each its own keys"
    );
}
