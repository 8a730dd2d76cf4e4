//! How is an event told: which number, which line?
//!
//! Numbers count every event; of lines that somebody could make without end, only so many a minute are written.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::log_rate_limit::{Line, LogRateLimit};
use super::metrics::Metrics;
use super::refreshes::{keys_are_shared, not_delivered};
use crate::access::quoted::quoted;
use crate::flow::audit::{
    Audit, BackchannelEvent, BackchannelOutcome, CallOutcome, CheckEvent, Hint, LoginEvent, LoginOutcome,
    Outcome, ProviderCall, RefreshEvent, RefreshOutcome,
};
use crate::flow::caller::Caller;
use crate::flow::ports::{Absence, Clock, Whom};

/// Lines a minute of what settings can mend: one is enough to see it.
const HINTS: u32 = 1;
/// Lines a minute of what anybody can cause.
const MAX_ANONYMOUS_LINES: u32 = 20;
/// Lines a minute of what only somebody can cause whom the provider has signed in: each matters to an audit.
const MAX_USER_LINES: u32 = 600;

/// Tells events to metrics and log.
pub struct Recorder {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    rate_limits: LogRateLimits,
}

/// How many lines each kind of event may make.
struct LogRateLimits {
    peers: LogRateLimit,
    check_paths: LogRateLimit,
    hosts: LogRateLimit,
    groups: LogRateLimit,
    deliveries: LogRateLimit,
    keys: LogRateLimit,
    malformed: LogRateLimit,
    failed: LogRateLimit,
    /// People whom a policy does not permit.
    denied: LogRateLimit,
    /// Requests that nobody may make, signed in or not.
    unknown: LogRateLimit,
    omitted_claim: LogRateLimit,
    sign_outs: LogRateLimit,
    provider_logouts: LogRateLimit,
    refused_logout_tokens: LogRateLimit,
    logins: [LogRateLimit; LoginOutcome::ALL.len()],
    refreshes: [LogRateLimit; RefreshOutcome::ALL.len()],
}

impl Recorder {
    /// Tells to these metrics.
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let rate_limits = LogRateLimits {
            peers: LogRateLimit::new(HINTS),
            check_paths: LogRateLimit::new(HINTS),
            hosts: LogRateLimit::new(HINTS),
            groups: LogRateLimit::new(HINTS),
            deliveries: LogRateLimit::new(HINTS),
            keys: LogRateLimit::new(HINTS),
            malformed: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            failed: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            denied: LogRateLimit::new(MAX_USER_LINES),
            unknown: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            omitted_claim: LogRateLimit::new(MAX_USER_LINES),
            sign_outs: LogRateLimit::new(MAX_USER_LINES),
            provider_logouts: LogRateLimit::new(MAX_USER_LINES),
            refused_logout_tokens: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            logins: LoginOutcome::ALL.map(|outcome| LogRateLimit::new(most_logins(outcome))),
            refreshes: RefreshOutcome::ALL.map(|_| LogRateLimit::new(MAX_USER_LINES)),
        };
        Self { metrics, clock, rate_limits }
    }

    fn line(&self, rate_limit: &LogRateLimit) -> Option<Line> {
        rate_limit.take(self.clock.now().0)
    }

    fn login_line(&self, outcome: LoginOutcome) -> Option<Line> {
        let index = LoginOutcome::ALL.iter().position(|one| *one == outcome)?;
        self.rate_limits.logins.get(index).and_then(|rate_limit| self.line(rate_limit))
    }

    fn refresh_line(&self, outcome: RefreshOutcome) -> Option<Line> {
        let index = RefreshOutcome::ALL.iter().position(|one| *one == outcome)?;
        self.rate_limits.refreshes.get(index).and_then(|rate_limit| self.line(rate_limit))
    }
}

fn most_logins(outcome: LoginOutcome) -> u32 {
    if outcome == LoginOutcome::Succeeded { MAX_USER_LINES } else { MAX_ANONYMOUS_LINES }
}

impl Audit for Recorder {
    fn check(&self, event: &CheckEvent<'_>) {
        self.metrics.check(event.caller, event.outcome);
        let rate_limit = match event.outcome {
            Outcome::Allow | Outcome::Challenge => return passed_or_asked(event),
            Outcome::Deny if event.subject.is_some() => &self.rate_limits.denied,
            Outcome::Deny => &self.rate_limits.unknown,
            Outcome::Fail => &self.rate_limits.failed,
            Outcome::Malformed => &self.rate_limits.malformed,
        };
        if let Some(line) = self.line(rate_limit) {
            refused(event, &line);
        }
    }

    fn login(&self, event: &LoginEvent<'_>) {
        self.metrics.login(event.outcome);
        let (outcome, host, request) = (event.outcome.label(), event.host, text(event.request_id));
        if event.outcome == LoginOutcome::Started {
            return debug!(outcome, host, request, "sign-in started");
        }
        let Some(Line { suppressed }) = self.login_line(event.outcome) else { return };
        let (subject, detail) = (event.subject, event.detail.map(text));
        if event.outcome == LoginOutcome::Succeeded {
            info!(outcome, host, subject, request, suppressed, "signed in");
        } else {
            warn!(outcome, host, detail, request, suppressed, "sign-in failed");
        }
    }

    fn refresh(&self, event: &RefreshEvent<'_>) {
        self.metrics.refreshes().record(event, || self.refresh_line(event.outcome));
    }

    fn waits(&self, caller: Caller) {
        self.metrics.refreshes().waits(caller);
    }

    fn signed_out(&self, host: &str, subject: &str, request_id: &dyn Display) {
        self.metrics.signed_out();
        let Some(Line { suppressed }) = self.line(&self.rate_limits.sign_outs) else { return };
        info!(host, subject, request = text(request_id), suppressed, "signed out");
    }

    fn backchannel_logout(&self, event: &BackchannelEvent<'_>) {
        self.metrics.backchannel_logout(event.outcome);
        let (outcome, request) = (event.outcome.label(), text(event.request_id));
        let (sid, subject) = match event.whom {
            Some(Whom::Session { sid, subject }) => (Some(quoted(sid)), subject.as_deref().map(quoted)),
            Some(Whom::Subject(subject)) => (None, Some(quoted(subject))),
            None => (None, None),
        };
        let accepted = event.whom.is_some();
        let rate_limit = if accepted {
            &self.rate_limits.provider_logouts
        } else {
            &self.rate_limits.refused_logout_tokens
        };
        let Some(Line { suppressed }) = self.line(rate_limit) else { return };
        match event.outcome {
            BackchannelOutcome::Ended => {
                info!(outcome, sid, subject, request, suppressed, "signed out by the provider");
            }
            BackchannelOutcome::MustRefresh => warn!(
                outcome,
                sid,
                subject,
                request,
                suppressed,
                "the provider ended more sessions than can be recorded; the sessions it may mean must refresh there \
                 before their next request"
            ),
            BackchannelOutcome::Malformed
            | BackchannelOutcome::NotAcceptable
            | BackchannelOutcome::ProviderUnavailable
            | BackchannelOutcome::StoreUnavailable => {
                warn!(outcome, detail = event.detail.map(text), request, suppressed, "logout token refused");
            }
        }
    }

    fn omitted_claim(&self, what: &str, value: &str, why: &dyn Display, subject: &str) {
        let Some(Line { suppressed }) = self.line(&self.rate_limits.omitted_claim) else { return };
        let (value, why) = (quoted(value), text(why));
        warn!(what, value, why, subject, suppressed, "a claim's value is left out of the identity");
    }

    fn hint(&self, hint: &Hint<'_>) {
        if let Hint::RotationNotDelivered(caller) = hint {
            self.metrics.refreshes().not_delivered(*caller);
        }
        let rate_limit = match hint {
            Hint::UntrustedPeer(_) => &self.rate_limits.peers,
            Hint::UnknownCheck { .. } => &self.rate_limits.check_paths,
            Hint::UnknownHost(_) => &self.rate_limits.hosts,
            Hint::GroupsUnknown(_) => &self.rate_limits.groups,
            Hint::RotationNotDelivered(_) => &self.rate_limits.deliveries,
            Hint::KeysAreShared => &self.rate_limits.keys,
        };
        let Some(Line { suppressed }) = self.line(rate_limit) else { return };
        match hint {
            Hint::UntrustedPeer(peer) => untrusted(*peer, suppressed),
            Hint::UnknownCheck { peer, path, paths } => {
                let path = quoted(path);
                warn!(%peer, path, suppressed, "no such check; if this peer is your proxy, let it ask at {paths}");
            }
            Hint::UnknownHost(host) => {
                warn!(
                    host,
                    suppressed,
                    "refused a request to a host that is not configured; if it is yours, add its origin to public.urls"
                );
            }
            Hint::GroupsUnknown(subject) => {
                warn!(
                    subject,
                    suppressed,
                    "signed in without groups: there are too many, so the provider left them out; let it send only the \
                     groups that are assigned to this application, or roles"
                );
            }
            Hint::RotationNotDelivered(caller) => not_delivered(*caller),
            Hint::KeysAreShared => keys_are_shared(),
        }
    }

    fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, took: Duration) {
        self.metrics.provider_call(call, outcome, took);
    }
}

fn untrusted(peer: IpAddr, suppressed: Option<u64>) {
    // Single quotes: the log escapes double ones, and TOML takes both.
    let setting = format!("check.trusted_proxies = ['{}']", peer.to_canonical());
    warn!(%peer, suppressed, "refused a check from a peer that is not trusted; if it is your proxy, set {setting}");
}

fn passed_or_asked(event: &CheckEvent<'_>) {
    debug!(
        decision = event.outcome.label(),
        dialect = event.caller.label,
        host = event.host,
        subject = event.subject,
        absence = event.absence.map(Absence::label),
        client = event.client.map(tracing::field::display),
        "check"
    );
}

fn refused(event: &CheckEvent<'_>, line: &Line) {
    warn!(
        decision = event.outcome.label(),
        dialect = event.caller.label,
        host = event.host,
        subject = event.subject,
        reason = event.reason.map(text),
        policy = event.policy.map(quoted),
        client = event.client.map(tracing::field::display),
        request = event.request_id.map(text),
        suppressed = line.suppressed,
        "check refused"
    );
}

fn text(value: &dyn Display) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests;
