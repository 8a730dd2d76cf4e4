//! Recording of events in metrics and log
//!
//! 1. Metrics count every event.
//! 2. If clients can cause an event any number of times, its log lines have a limit per minute.

mod checks;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use self::checks::{log_allow_or_challenge, log_refused_check, log_unknown_host, log_untrusted_peer};
use super::hints;
use super::log_rate_limit::{Line, LogRateLimit};
use super::metrics::Metrics;
use crate::access::claims::Omissions;
use crate::access::quoted::quoted;
use crate::flow::audit::{
    Audit, BackchannelEvent, BackchannelOutcome, CallOutcome, CheckEvent, Hint, IdentityMade, LoginEvent,
    LoginOutcome, Outcome, ProviderCall, RefreshEvent, RefreshOutcome,
};
use crate::flow::caller::Caller;
use crate::flow::ports::{Clock, EndedOthers, Whom};

/// Lines a minute for a problem that a setting can fix. One line is enough for the operator to notice it.
const MAX_HINT_LINES: u32 = 1;
/// Lines a minute for events that any client can cause.
const MAX_ANONYMOUS_LINES: u32 = 20;
/// Lines a minute for events that only a signed-in user can cause. Each of them matters to an audit.
const MAX_USER_LINES: u32 = 600;

/// Records events in metrics and log.
pub struct Recorder {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    rate_limits: LogRateLimits,
}

/// The rate limit of each kind of event.
struct LogRateLimits {
    peers: LogRateLimit,
    check_paths: LogRateLimit,
    hosts: LogRateLimit,
    groups: LogRateLimit,
    refusals: LogRateLimit,
    omitted_fields: LogRateLimit,
    too_few_fields: LogRateLimit,
    deliveries: LogRateLimit,
    keys: LogRateLimit,
    malformed: LogRateLimit,
    failed: LogRateLimit,
    /// Users that a policy does not allow.
    denied: LogRateLimit,
    /// Requests that no user may send, with or without a session.
    unknown: LogRateLimit,
    omitted_claims: LogRateLimit,
    sign_outs: LogRateLimit,
    provider_logouts: LogRateLimit,
    refused_logout_tokens: LogRateLimit,
    logins: [LogRateLimit; LoginOutcome::ALL.len()],
    refreshes: [LogRateLimit; RefreshOutcome::ALL.len()],
}

impl Recorder {
    /// Returns a recorder that uses these metrics.
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let rate_limits = LogRateLimits {
            peers: LogRateLimit::new(MAX_HINT_LINES),
            check_paths: LogRateLimit::new(MAX_HINT_LINES),
            hosts: LogRateLimit::new(MAX_HINT_LINES),
            groups: LogRateLimit::new(MAX_HINT_LINES),
            refusals: LogRateLimit::new(MAX_HINT_LINES),
            omitted_fields: LogRateLimit::new(MAX_HINT_LINES),
            too_few_fields: LogRateLimit::new(MAX_HINT_LINES),
            deliveries: LogRateLimit::new(MAX_HINT_LINES),
            keys: LogRateLimit::new(MAX_HINT_LINES),
            malformed: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            failed: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            denied: LogRateLimit::new(MAX_USER_LINES),
            unknown: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            omitted_claims: LogRateLimit::new(MAX_USER_LINES),
            sign_outs: LogRateLimit::new(MAX_USER_LINES),
            provider_logouts: LogRateLimit::new(MAX_USER_LINES),
            refused_logout_tokens: LogRateLimit::new(MAX_ANONYMOUS_LINES),
            logins: LoginOutcome::ALL.map(|outcome| LogRateLimit::new(max_login_lines(outcome))),
            refreshes: RefreshOutcome::ALL.map(|_| LogRateLimit::new(MAX_USER_LINES)),
        };
        Self { metrics, clock, rate_limits }
    }

    fn line(&self, rate_limit: &LogRateLimit) -> Option<Line> {
        rate_limit.take(self.clock.now().0)
    }

    fn login_line(&self, outcome: LoginOutcome) -> Option<Line> {
        let index = LoginOutcome::ALL.iter().position(|candidate| *candidate == outcome)?;
        self.rate_limits.logins.get(index).and_then(|rate_limit| self.line(rate_limit))
    }

    fn refresh_line(&self, outcome: RefreshOutcome) -> Option<Line> {
        let index = RefreshOutcome::ALL.iter().position(|candidate| *candidate == outcome)?;
        self.rate_limits.refreshes.get(index).and_then(|rate_limit| self.line(rate_limit))
    }
}

fn max_login_lines(outcome: LoginOutcome) -> u32 {
    if outcome == LoginOutcome::Succeeded { MAX_USER_LINES } else { MAX_ANONYMOUS_LINES }
}

impl Audit for Recorder {
    fn check(&self, event: &CheckEvent<'_>) {
        self.metrics.count_check(event.caller, event.outcome);
        let rate_limit = match event.outcome {
            Outcome::Allow | Outcome::Challenge => return log_allow_or_challenge(event),
            Outcome::Deny if event.subject.is_some() => &self.rate_limits.denied,
            Outcome::Deny => &self.rate_limits.unknown,
            Outcome::Fail => &self.rate_limits.failed,
            Outcome::Malformed => &self.rate_limits.malformed,
            Outcome::UntrustedPeer => &self.rate_limits.peers,
            Outcome::UnknownHost => &self.rate_limits.hosts,
        };
        let Some(line) = self.line(rate_limit) else { return };
        match event.outcome {
            Outcome::UntrustedPeer => log_untrusted_peer(event, &line),
            Outcome::UnknownHost => log_unknown_host(event, &line),
            _ => log_refused_check(event, &line),
        }
    }

    fn login(&self, event: &LoginEvent<'_>) {
        self.metrics.count_login(event.outcome);
        let (outcome, host, request) = (event.outcome.label(), event.host, text(event.request_id));
        if event.outcome == LoginOutcome::Started {
            return debug!(outcome, host, request, "sign-in started");
        }
        let Some(Line { suppressed }) = self.login_line(event.outcome) else { return };
        let (subject, detail) = (event.subject, event.detail.map(text));
        if event.outcome == LoginOutcome::Succeeded {
            info!(outcome, host, subject, request, suppressed, "signed in");
        } else if event.outcome == LoginOutcome::Repeated {
            info!(outcome, host, detail, request, suppressed, "sign-in repeated");
        } else {
            warn!(outcome, host, detail, request, suppressed, "sign-in failed");
        }
    }

    fn refresh(&self, event: &RefreshEvent<'_>) {
        self.metrics.refreshes().record(event, || self.refresh_line(event.outcome));
    }

    fn waits(&self, caller: Caller) {
        self.metrics.refreshes().count_wait(caller);
    }

    fn signed_out(&self, host: &str, subject: &str, request_id: &dyn Display) {
        self.metrics.count_sign_outs(1);
        let Some(Line { suppressed }) = self.line(&self.rate_limits.sign_outs) else { return };
        info!(host, subject, request = text(request_id), suppressed, "signed out");
    }

    fn ended_others(&self, host: &str, ended: &EndedOthers, request_id: &dyn Display) {
        self.metrics.count_sign_outs(ended.sessions);
        let Some(Line { suppressed }) = self.line(&self.rate_limits.sign_outs) else { return };
        let EndedOthers { subject, sessions } = ended;
        info!(
            host,
            subject,
            sessions,
            request = text(request_id),
            suppressed,
            "other sessions ended by their user"
        );
    }

    fn ended_by_operator(&self, ended: &EndedOthers) {
        self.metrics.count_sign_outs(ended.sessions);
        let EndedOthers { subject, sessions } = ended;
        info!(subject, sessions, "sessions ended by the operator");
    }

    fn backchannel_logout(&self, event: &BackchannelEvent<'_>) {
        self.metrics.count_backchannel_logout(event.outcome);
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
                "the provider ended more sessions than can be recorded; all sessions that it may mean must refresh at the \
                 provider before their next request"
            ),
            BackchannelOutcome::Malformed | BackchannelOutcome::NotAcceptable => {
                warn!(outcome, detail = event.detail.map(text), request, suppressed, "logout token refused");
            }
            BackchannelOutcome::ProviderUnavailable | BackchannelOutcome::StoreUnavailable => {
                let who = if event.outcome == BackchannelOutcome::StoreUnavailable {
                    "session store"
                } else {
                    "provider"
                };
                let detail = event.detail.map(text);
                warn!(
                    outcome,
                    detail,
                    request,
                    suppressed,
                    "no session ended: a logout token was not processed, because the {who} is unavailable"
                );
            }
        }
    }

    fn omitted_claims(&self, omitted: &Omissions, subject: &str, made: IdentityMade) {
        if made == IdentityMade::Refresh {
            return debug!(subject, "values of claims left out of the refreshed identity: {omitted}");
        }
        let Some(Line { suppressed }) = self.line(&self.rate_limits.omitted_claims) else { return };
        warn!(subject, suppressed, "values of claims left out of the identity: {omitted}");
    }

    fn hint(&self, hint: &Hint<'_>) {
        if let Hint::RotationNotDelivered(caller) = hint {
            self.metrics.refreshes().count_undelivered(*caller);
        }
        let rate_limit = match hint {
            Hint::UnknownCheck { .. } => &self.rate_limits.check_paths,
            Hint::UnknownHost(_) => &self.rate_limits.hosts,
            Hint::GroupsUnknown(_) => &self.rate_limits.groups,
            Hint::RefusalNotRepeated { .. } => &self.rate_limits.refusals,
            Hint::FieldOmitted { .. } => &self.rate_limits.omitted_fields,
            Hint::TooFewFields { .. } => &self.rate_limits.too_few_fields,
            // These are reported once per start.
            Hint::NoRefreshToken { .. } | Hint::GroupsNotRequested { .. } => return hints::log(hint, None),
            Hint::RotationNotDelivered(_) => &self.rate_limits.deliveries,
            Hint::KeysAreShared => &self.rate_limits.keys,
        };
        let Some(Line { suppressed }) = self.line(rate_limit) else { return };
        hints::log(hint, suppressed);
    }

    fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, took: Duration) {
        self.metrics.observe_provider_call(call, outcome, took);
    }
}

fn text(value: &dyn Display) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests;
