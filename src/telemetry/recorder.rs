//! How is an event told: which number, which line?
//!
//! Numbers count every event; of lines that somebody could make without end, only so many a minute are written.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::metrics::Metrics;
use super::pace::{Line, Pace};
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
const OF_STRANGERS: u32 = 20;
/// Lines a minute of what only somebody can cause whom the provider has signed in: each matters to an audit.
const OF_PEOPLE: u32 = 600;

/// Tells events to metrics and log.
pub struct Recorder {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    paces: Paces,
}

/// How many lines each kind of event may make.
struct Paces {
    peers: Pace,
    check_paths: Pace,
    hosts: Pace,
    groups: Pace,
    deliveries: Pace,
    keys: Pace,
    malformed: Pace,
    failed: Pace,
    /// People whom a policy does not permit.
    denied: Pace,
    /// Requests that nobody may make, signed in or not.
    unknown: Pace,
    left_out: Pace,
    sign_outs: Pace,
    provider_logouts: Pace,
    refused_logout_tokens: Pace,
    logins: [Pace; LoginOutcome::ALL.len()],
    refreshes: [Pace; RefreshOutcome::ALL.len()],
}

impl Recorder {
    /// Tells to these metrics.
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let paces = Paces {
            peers: Pace::new(HINTS),
            check_paths: Pace::new(HINTS),
            hosts: Pace::new(HINTS),
            groups: Pace::new(HINTS),
            deliveries: Pace::new(HINTS),
            keys: Pace::new(HINTS),
            malformed: Pace::new(OF_STRANGERS),
            failed: Pace::new(OF_STRANGERS),
            denied: Pace::new(OF_PEOPLE),
            unknown: Pace::new(OF_STRANGERS),
            left_out: Pace::new(OF_PEOPLE),
            sign_outs: Pace::new(OF_PEOPLE),
            provider_logouts: Pace::new(OF_PEOPLE),
            refused_logout_tokens: Pace::new(OF_STRANGERS),
            logins: LoginOutcome::ALL.map(|outcome| Pace::new(most_logins(outcome))),
            refreshes: RefreshOutcome::ALL.map(|_| Pace::new(OF_PEOPLE)),
        };
        Self { metrics, clock, paces }
    }

    fn line(&self, pace: &Pace) -> Option<Line> {
        pace.take(self.clock.now().0)
    }

    fn login_line(&self, outcome: LoginOutcome) -> Option<Line> {
        let index = LoginOutcome::ALL.iter().position(|one| *one == outcome)?;
        self.paces.logins.get(index).and_then(|pace| self.line(pace))
    }

    fn refresh_line(&self, outcome: RefreshOutcome) -> Option<Line> {
        let index = RefreshOutcome::ALL.iter().position(|one| *one == outcome)?;
        self.paces.refreshes.get(index).and_then(|pace| self.line(pace))
    }
}

fn most_logins(outcome: LoginOutcome) -> u32 {
    if outcome == LoginOutcome::Succeeded { OF_PEOPLE } else { OF_STRANGERS }
}

impl Audit for Recorder {
    fn check(&self, event: &CheckEvent<'_>) {
        self.metrics.check(event.caller, event.outcome);
        let pace = match event.outcome {
            Outcome::Allow | Outcome::Challenge => return passed_or_asked(event),
            Outcome::Deny if event.subject.is_some() => &self.paces.denied,
            Outcome::Deny => &self.paces.unknown,
            Outcome::Fail => &self.paces.failed,
            Outcome::Malformed => &self.paces.malformed,
        };
        if let Some(line) = self.line(pace) {
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
        let Some(Line { suppressed }) = self.line(&self.paces.sign_outs) else { return };
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
        let pace = if accepted { &self.paces.provider_logouts } else { &self.paces.refused_logout_tokens };
        let Some(Line { suppressed }) = self.line(pace) else { return };
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

    fn left_out(&self, what: &str, value: &str, why: &dyn Display, subject: &str) {
        let Some(Line { suppressed }) = self.line(&self.paces.left_out) else { return };
        let (value, why) = (quoted(value), text(why));
        warn!(what, value, why, subject, suppressed, "a claim's value is left out of the identity");
    }

    fn hint(&self, hint: &Hint<'_>) {
        if let Hint::RotationNotDelivered(caller) = hint {
            self.metrics.refreshes().not_delivered(*caller);
        }
        let pace = match hint {
            Hint::UntrustedPeer(_) => &self.paces.peers,
            Hint::UnknownCheck { .. } => &self.paces.check_paths,
            Hint::UnknownHost(_) => &self.paces.hosts,
            Hint::GroupsUnknown(_) => &self.paces.groups,
            Hint::RotationNotDelivered(_) => &self.paces.deliveries,
            Hint::KeysAreShared => &self.paces.keys,
        };
        let Some(Line { suppressed }) = self.line(pace) else { return };
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
