//! Log lines of checks

use std::fmt::Display;

use tracing::{debug, warn};

use crate::access::quoted::quoted;
use crate::flow::audit::CheckEvent;
use crate::flow::ports::Absence;
use crate::telemetry::log_rate_limit::Line;

pub(super) fn log_untrusted_peer(event: &CheckEvent<'_>, line: &Line) {
    let peer = event.peer.to_canonical();
    warn!(
        decision = event.outcome.label(),
        dialect = event.caller.label,
        %peer,
        request = event.request_id.map(text),
        suppressed = line.suppressed,
        // Single quotes, because the log escapes double quotes. TOML accepts both.
        "check refused, because its sender is not a trusted proxy; if it is your proxy, set check.trusted_proxies = \
         ['{peer}']"
    );
}

pub(super) fn log_unknown_host(event: &CheckEvent<'_>, line: &Line) {
    warn!(
        decision = event.outcome.label(),
        dialect = event.caller.label,
        host = event.host,
        request = event.request_id.map(text),
        suppressed = line.suppressed,
        "check refused, because its host is not configured; if the host is yours, add its origin to public.urls"
    );
}

pub(super) fn log_allow_or_challenge(event: &CheckEvent<'_>) {
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

pub(super) fn log_refused_check(event: &CheckEvent<'_>, line: &Line) {
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
