//! What are things called in metrics and logs?

use crate::flow::audit::{BackchannelOutcome, CallOutcome, Dialect, LoginOutcome, Outcome, ProviderCall};

/// The name of a dialect in metrics and logs.
pub(super) fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Traefik => "traefik",
        Dialect::Proxy => "proxy",
        Dialect::Page => "page",
    }
}

/// The name of an outcome in metrics and logs.
pub(super) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Challenge => "challenge",
        Outcome::Deny => "deny",
        Outcome::Fail => "fail",
        Outcome::Malformed => "malformed",
    }
}

/// Every outcome of a step.
pub(super) const LOGIN_OUTCOMES: [LoginOutcome; 10] = [
    LoginOutcome::Started,
    LoginOutcome::Succeeded,
    LoginOutcome::UnknownState,
    LoginOutcome::ProviderRefused,
    LoginOutcome::ProviderUnavailable,
    LoginOutcome::ProviderMisbehaved,
    LoginOutcome::ClientForged,
    LoginOutcome::GroupsUnknown,
    LoginOutcome::NotKept,
    LoginOutcome::Stuck,
];

/// The name of a sign-in's outcome in metrics and logs.
pub(super) fn login_name(outcome: LoginOutcome) -> &'static str {
    match outcome {
        LoginOutcome::Started => "started",
        LoginOutcome::Succeeded => "succeeded",
        LoginOutcome::UnknownState => "unknown_state",
        LoginOutcome::ProviderRefused => "provider_refused",
        LoginOutcome::ProviderUnavailable => "provider_unavailable",
        LoginOutcome::ProviderMisbehaved => "provider_misbehaved",
        LoginOutcome::ClientForged => "client_forged",
        LoginOutcome::GroupsUnknown => "groups_unknown",
        LoginOutcome::NotKept => "not_kept",
        LoginOutcome::Stuck => "stuck",
    }
}

/// Every outcome of a logout token.
pub(super) const BACKCHANNEL_OUTCOMES: [BackchannelOutcome; 6] = [
    BackchannelOutcome::Ended,
    BackchannelOutcome::MustRefresh,
    BackchannelOutcome::Malformed,
    BackchannelOutcome::NotAcceptable,
    BackchannelOutcome::ProviderUnavailable,
    BackchannelOutcome::StoreUnavailable,
];

/// How a logout token was taken, in metrics and logs.
pub(super) fn backchannel_name(outcome: BackchannelOutcome) -> &'static str {
    match outcome {
        BackchannelOutcome::Ended => "ended",
        BackchannelOutcome::MustRefresh => "must_refresh",
        BackchannelOutcome::Malformed => "malformed",
        BackchannelOutcome::NotAcceptable => "not_acceptable",
        BackchannelOutcome::ProviderUnavailable => "provider_unavailable",
        BackchannelOutcome::StoreUnavailable => "store_unavailable",
    }
}

/// The name in metrics.
pub(super) fn call_name(call: ProviderCall) -> &'static str {
    match call {
        ProviderCall::Discovery => "discovery",
        ProviderCall::Keys => "keys",
        ProviderCall::CodeExchange => "code_exchange",
        ProviderCall::Refresh => "refresh",
        ProviderCall::Revocation => "revocation",
        ProviderCall::Userinfo => "userinfo",
    }
}

/// The name in metrics.
pub(super) fn call_outcome_name(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Answered => "answered",
        CallOutcome::Refused => "refused",
        CallOutcome::Failed => "failed",
    }
}
