//! How is an event told: which number, which line?
//!
//! Text from outside is written with its control and bidirectional characters escaped: one event is one line.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{debug, info, warn};

use super::metrics::{Metrics, dialect_name, login_name, outcome_name};
use super::refreshes::keys_are_shared;
use crate::access::quoted::quoted;
use crate::flow::audit::{
    Audit, CallOutcome, CheckEvent, Hint, LoginEvent, LoginOutcome, Outcome, ProviderCall, RefreshEvent,
};
use crate::flow::ports::{Absence, Clock};

/// Seconds between two lines of the same hint.
const HINT_PAUSE: u64 = 60;

/// Tells events to metrics and log.
pub struct Recorder {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    next_peer_hint: AtomicU64,
    next_host_hint: AtomicU64,
    next_groups_hint: AtomicU64,
    next_delivery_hint: AtomicU64,
    next_keys_hint: AtomicU64,
}

impl Recorder {
    /// Tells to these metrics.
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let at_once = || AtomicU64::new(0);
        Self {
            metrics,
            clock,
            next_peer_hint: at_once(),
            next_host_hint: at_once(),
            next_groups_hint: at_once(),
            next_delivery_hint: at_once(),
            next_keys_hint: at_once(),
        }
    }

    fn is_due(&self, next: &AtomicU64) -> bool {
        let now = self.clock.now().0;
        let due = next.load(Ordering::Relaxed);
        now >= due
            && next.compare_exchange(due, now + HINT_PAUSE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Audit for Recorder {
    fn check(&self, event: &CheckEvent<'_>) {
        self.metrics.check(event.dialect, event.outcome);
        match event.outcome {
            Outcome::Allow | Outcome::Challenge => passed_or_asked(event),
            Outcome::Deny | Outcome::Fail | Outcome::Malformed => refused(event),
        }
    }

    fn login(&self, event: &LoginEvent<'_>) {
        self.metrics.login(event.outcome);
        let (outcome, host, request) = (login_name(event.outcome), event.host, text(event.request_id));
        let (subject, detail) = (event.subject, event.detail.map(text));
        match event.outcome {
            LoginOutcome::Started => debug!(outcome, host, request, "sign-in started"),
            LoginOutcome::Succeeded => info!(outcome, host, subject, request, "signed in"),
            _ => warn!(outcome, host, detail, request, "sign-in failed"),
        }
    }

    fn refresh(&self, event: &RefreshEvent<'_>) {
        self.metrics.refreshes().tell(event);
    }

    fn signed_out(&self, host: &str, subject: &str, request_id: &dyn Display) {
        self.metrics.signed_out();
        info!(host, subject, request = text(request_id), "signed out");
    }

    fn left_out(&self, what: &str, value: &str, why: &dyn Display, subject: &str) {
        let value = quoted(value);
        warn!(what, value, why = text(why), subject, "left out of the identity: no header can carry it");
    }

    fn hint(&self, hint: &Hint<'_>) {
        match hint {
            Hint::UntrustedPeer(peer) if self.is_due(&self.next_peer_hint) => untrusted(*peer),
            Hint::UnknownHost(host) if self.is_due(&self.next_host_hint) => {
                warn!(
                    host,
                    "refused a request to a host that is not configured; if it is yours, add its origin to public.urls"
                );
            }
            Hint::GroupsUnknown(subject) if self.is_due(&self.next_groups_hint) => {
                warn!(
                    subject,
                    "signed in without groups: there are too many, so the provider left them out; let it send only the \
                     groups that are assigned to this application, or roles"
                );
            }
            Hint::RotationNotDelivered(caller) => {
                self.metrics.refreshes().not_delivered(*caller, self.is_due(&self.next_delivery_hint));
            }
            Hint::KeysAreShared if self.is_due(&self.next_keys_hint) => keys_are_shared(),
            Hint::UntrustedPeer(_) | Hint::UnknownHost(_) | Hint::GroupsUnknown(_) | Hint::KeysAreShared => {}
        }
    }

    fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, took: Duration) {
        self.metrics.provider_call(call, outcome, took);
    }
}

fn untrusted(peer: IpAddr) {
    let setting = format!("check.trusted_proxies = [\"{}\"]", peer.to_canonical());
    warn!(%peer, "refused a check from a peer that is not trusted; if it is your proxy, set {setting}");
}

fn passed_or_asked(event: &CheckEvent<'_>) {
    debug!(
        decision = outcome_name(event.outcome),
        dialect = dialect_name(event.dialect),
        host = event.host,
        subject = event.subject,
        absence = event.absence.map(absence_name),
        client = event.client.map(tracing::field::display),
        "check"
    );
}

fn refused(event: &CheckEvent<'_>) {
    warn!(
        decision = outcome_name(event.outcome),
        dialect = dialect_name(event.dialect),
        host = event.host,
        subject = event.subject,
        reason = event.reason.map(text),
        client = event.client.map(tracing::field::display),
        request = event.request_id.map(text),
        "check refused"
    );
}

fn absence_name(absence: Absence) -> &'static str {
    match absence {
        Absence::NoCookie => "no_cookie",
        Absence::Refused => "refused",
        Absence::Expired => "expired",
        Absence::Ended => "ended",
    }
}

fn text(value: &dyn Display) -> String {
    value.to_string()
}
