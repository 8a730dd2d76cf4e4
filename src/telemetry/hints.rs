//! Log lines on problems that the operator can fix in the configuration

use tracing::warn;

use super::refreshes::{log_shared_keys, log_undelivered_cookies};
use crate::access::quoted::quoted;
use crate::flow::audit::Hint;

/// Logs a hint. `suppressed` is the number of earlier lines that the rate limit dropped.
pub(super) fn log(hint: &Hint<'_>, suppressed: Option<u64>) {
    match hint {
        Hint::UnknownCheck { peer, path, paths } => {
            let path = quoted(path);
            warn!(%peer, path, suppressed, "request with an unknown path; a proxy must use {paths}");
        }
        Hint::UnknownHost(host) => warn!(
            host,
            suppressed,
            "page refused, because its host is not configured; if the host is yours, add its origin to public.urls"
        ),
        Hint::GroupsUnknown(subject) => {
            warn!(
                subject,
                suppressed,
                "a session has no groups: the provider left them out because there are too many; configure it to send \
                 roles, or only the groups that are assigned to this application"
            );
        }
        Hint::RefusalNotRepeated { caller, policy } => warn!(
            dialect = caller.label,
            policy,
            suppressed,
            "the first check refused a request that the second one would allow; if this repeats, both must name the same \
             policy"
        ),
        Hint::FieldOmitted { caller, name, bytes } => warn!(
            dialect = caller.label,
            header = name,
            bytes,
            suppressed,
            "header sent empty, because it does not fit into the proxy's buffer; configure the provider to put fewer \
             groups or claims into tokens"
        ),
        Hint::TooFewFields { peer, caller, checks, remedy } => warn!(
            %peer,
            dialect = caller.label,
            checks,
            suppressed,
            "this proxy probably forwards too few headers: checks in a row had none of Accept, Sec-Fetch-*, \
             Sec-WebSocket-Key and the client's User-Agent, so the gateway cannot distinguish pages, scripts and \
             WebSockets; {remedy}"
        ),
        Hint::NoRefreshToken { lifetime, remedy } => warn!(
            "the provider issued no refresh token, so sign-ins end after {}s; {remedy}",
            lifetime.as_secs()
        ),
        Hint::GroupsNotRequested { claims, scope } => warn!(
            "the provider sent no claim of claims.groups ({claims}), and announces the scope {scope}: add it to \
             provider.scopes"
        ),
        Hint::RotationNotDelivered(caller) => log_undelivered_cookies(*caller),
        Hint::KeysAreShared => log_shared_keys(),
    }
}
