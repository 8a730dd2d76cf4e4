//! Metrics and log lines of session refreshes

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

/// The series of refreshes.
#[derive(Default)]
pub struct Refreshes {
    outcomes: Family<Labels, Counter>,
    not_delivered: Family<DialectLabel, Counter>,
    waits: Family<DialectLabel, Counter>,
    /// Whether the last refresh failed because of the provider. An outage is one line, not one for each session.
    failing: AtomicBool,
}

impl Refreshes {
    /// Registers all series, with the value zero for these dialects.
    pub fn register(registry: &mut Registry, dialects: &[&'static str]) -> Self {
        let this = Self::default();
        for outcome in RefreshOutcome::ALL {
            drop(this.outcomes.get_or_create(&Labels { outcome: outcome.label() }));
        }
        for dialect in dialects {
            let label = DialectLabel { dialect };
            drop(this.not_delivered.get_or_create(&label));
            drop(this.waits.get_or_create(&label));
        }
        registry.register("refreshes", "Session refreshes, by outcome", this.outcomes.clone());
        let help = "Checks that waited for a refresh because the tokens had expired, by dialect";
        registry.register("checks_waited", help, this.waits.clone());
        let help = "Refreshes after which a browser kept presenting the old cookie, by dialect: 1 or more means that \
                    this caller does not pass on Set-Cookie";
        registry.register("rotation_not_delivered", help, this.not_delivered.clone());
        this
    }

    /// Counts a refresh, and logs it unless the rate limit of its outcome suppresses the line.
    pub fn record(&self, event: &RefreshEvent<'_>, line: impl FnOnce() -> Option<Line>) {
        let outcome = event.outcome.label();
        self.outcomes.get_or_create(&Labels { outcome }).inc();
        let (subject, detail) = (event.subject, event.detail.map(ToString::to_string));
        match event.outcome {
            RefreshOutcome::Renewed => {
                if self.failing.swap(false, Ordering::Relaxed)
                    && let Some(Line { suppressed }) = line()
                {
                    info!(suppressed, "the provider refreshes sessions again");
                }
                debug!(outcome, subject, dialect = event.caller.label, "session refreshed");
            }
            RefreshOutcome::TooLate => {
                let Some(Line { suppressed }) = line() else { return };
                info!(outcome, subject, suppressed, "session ended during its refresh");
            }
            RefreshOutcome::TakenOver => {
                let Some(Line { suppressed }) = line() else { return };
                warn!(
                    outcome,
                    subject,
                    suppressed,
                    "session not refreshed: the gateway that held its lease ended or was stopped; the session goes on until its \
                     tokens expire, and then needs one redirect"
                );
            }
            RefreshOutcome::Superseded => {
                let Some(Line { suppressed }) = line() else { return };
                info!(
                    outcome,
                    subject, suppressed, "new tokens not used: another gateway refreshed the session"
                );
            }
            RefreshOutcome::GrantRefused => {
                let Some(Line { suppressed }) = line() else { return };
                info!(
                    outcome,
                    subject, detail, suppressed, "session ended: the provider refused its refresh token"
                );
            }
            RefreshOutcome::ProviderMisbehaved => {
                let Some(Line { suppressed }) = line() else { return };
                let message = "session ended: the provider's new tokens are not acceptable";
                warn!(outcome, subject, detail, suppressed, "{message}");
            }
            RefreshOutcome::Configuration => {
                let Some(Line { suppressed }) = line() else { return };
                let message = "session ended: the provider's new ID token does not name the user";
                warn!(outcome, subject, detail, suppressed, "{message}");
            }
            RefreshOutcome::NotKept => {
                let Some(Line { suppressed }) = line() else { return };
                let message = "session not refreshed: it continues until its tokens expire";
                warn!(outcome, subject, detail, suppressed, "{message}");
            }
            RefreshOutcome::ProviderUnavailable
            | RefreshOutcome::ClientRefused
            | RefreshOutcome::OutcomeUnknown => {
                if self.failing.swap(true, Ordering::Relaxed) {
                    return debug!(outcome, subject, detail, "session not refreshed");
                }
                let Some(Line { suppressed }) = line() else { return };
                warn!(
                    outcome,
                    subject,
                    detail,
                    suppressed,
                    "the provider does not refresh sessions; they continue until their tokens expire, and the refresh is retried"
                );
            }
        }
    }

    /// Counts a check that waits for a refresh.
    pub fn count_wait(&self, caller: Caller) {
        self.waits.get_or_create(&DialectLabel { dialect: caller.label }).inc();
    }

    /// Counts a refresh whose cookies the caller dropped.
    pub fn count_undelivered(&self, caller: Caller) {
        self.not_delivered.get_or_create(&DialectLabel { dialect: caller.label }).inc();
    }
}

/// Logs that a caller drops refreshed cookies.
pub fn log_undelivered_cookies(caller: Caller) {
    warn!(
        dialect = caller.label,
        "refreshed sessions do not reach browsers: this proxy does not pass on Set-Cookie ({}); until it does, users get \
         a redirect after a restart of the gateway",
        caller.cookie_remedy
    );
}

/// Logs that another process uses the same session keys.
pub fn log_shared_keys() {
    error!(
        "received cookies that another process seals with the same session.keys: the session store supports one process \
         only, and two end each other's sessions; run one process, or give each its own keys"
    );
}
