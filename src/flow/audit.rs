//! Events for the log and the metrics

mod hint;

use std::net::IpAddr;
use std::time::Duration;

pub use self::hint::Hint;
use super::caller::Caller;
use super::labels::labelled;
use super::ports::{Absence, EndedOthers, Whom};
use crate::access::claims::Omissions;

labelled! {
    /// How a check ended.
    pub enum Outcome {
        /// Allowed.
        Allow => "allow",
        /// Challenged: the user must sign in.
        Challenge => "challenge",
        /// Denied.
        Deny => "deny",
        /// An outage prevented the decision.
        Fail => "fail",
        /// The check itself could not be read.
        Malformed => "malformed",
        /// The peer that sent the check is not a trusted proxy.
        UntrustedPeer => "untrusted_peer",
        /// The host of the request is not configured.
        UnknownHost => "unknown_host",
    }
}

/// The decision of one check.
pub struct CheckEvent<'a> {
    /// The caller.
    pub caller: Caller,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, if the request was not allowed.
    pub reason: Option<&'a dyn std::fmt::Display>,
    /// The policy, if it is the reason; the proxy's URL names it.
    pub policy: Option<&'a str>,
    /// Why there was no session, if there was none.
    pub absence: Option<Absence>,
    /// The host of the request, if known. With [`Outcome::UnknownHost`], the client chose it.
    pub host: Option<&'a str>,
    /// `sub` of the user, if known.
    pub subject: Option<&'a str>,
    /// The client address, as the trusted proxy sent it.
    pub client: Option<IpAddr>,
    /// The peer that sent the check.
    pub peer: IpAddr,
    /// The request id given to the client.
    pub request_id: Option<&'a dyn std::fmt::Display>,
}

labelled! {
    /// How a sign-in ended.
    pub enum LoginOutcome {
        /// The user was redirected to the provider.
        Started => "started",
        /// A session began.
        Succeeded => "succeeded",
        /// The `state` matches no login transaction of this browser: it was replayed, expired, or forged.
        UnknownState => "unknown_state",
        /// The provider or the user refused the sign-in.
        ProviderRefused => "provider_refused",
        /// The provider was unavailable.
        ProviderUnavailable => "provider_unavailable",
        /// The provider's response broke a rule.
        ProviderMisbehaved => "provider_misbehaved",
        /// The gateway is not set up for this provider, or is not registered there as configured.
        Configuration => "configuration",
        /// The response came in a form. Any client can send one, so it has an outcome of its own: it must not hide lines
        /// about the configuration.
        FormPost => "form_post",
        /// The request was not acceptable.
        ClientForged => "client_forged",
        /// The provider left out the groups, and no policy permits the user without them.
        GroupsUnknown => "groups_unknown",
        /// The session could not be stored.
        NotKept => "not_kept",
        /// The provider asked to begin the sign-in again at once.
        Repeated => "repeated",
        /// A redirect loop was detected.
        LoopDetected => "stuck",
    }
}

/// A step of a sign-in.
pub struct LoginEvent<'a> {
    /// The outcome.
    pub outcome: LoginOutcome,
    /// Detail for the operator; never a secret.
    pub detail: Option<&'a dyn std::fmt::Display>,
    /// `sub` of the user, if known.
    pub subject: Option<&'a str>,
    /// The public host.
    pub host: &'a str,
    /// The request id given to the client.
    pub request_id: &'a dyn std::fmt::Display,
}

labelled! {
    /// How a refresh of a session's tokens ended.
    pub enum RefreshOutcome {
        /// The session has new tokens.
        Renewed => "renewed",
        /// The provider cannot be reached, or asked to wait. The refresh is retried.
        ProviderUnavailable => "provider_unavailable",
        /// The provider refused the gateway, not the user. The refresh is retried.
        ClientRefused => "client_refused",
        /// The provider did not answer. The session ends when its tokens expire.
        OutcomeUnknown => "outcome_unknown",
        /// The provider has ended the session.
        GrantRefused => "grant_refused",
        /// The provider's response broke a rule, and the session has ended.
        ProviderMisbehaved => "provider_misbehaved",
        /// The new ID token does not have the configured user claim, and the session has ended.
        Configuration => "configuration",
        /// The session ended during the refresh.
        TooLate => "too_late",
        /// The process that held the lease ended or was stopped, so the refresh token may be spent.
        TakenOver => "taken_over",
        /// Another process refreshed the session meanwhile. The new tokens are not used.
        Superseded => "superseded",
        /// The new tokens do not fit into cookies. The session ends when its old tokens expire.
        NotKept => "not_kept",
    }
}

/// A refresh of a session's tokens.
pub struct RefreshEvent<'a> {
    /// The outcome.
    pub outcome: RefreshOutcome,
    /// Detail for the operator; never a secret.
    pub detail: Option<&'a dyn std::fmt::Display>,
    /// `sub` of the user.
    pub subject: &'a str,
    /// The caller whose check started the refresh.
    pub caller: Caller,
}

labelled! {
    /// How a logout token was handled.
    pub enum BackchannelOutcome {
        /// The sessions that it names have ended.
        Ended => "ended",
        /// The sessions that it may mean must refresh at the provider, because the table that records them is full.
        MustRefresh => "must_refresh",
        /// The request has no logout token, or more than one.
        Malformed => "malformed",
        /// The logout token breaks a rule.
        NotAcceptable => "not_acceptable",
        /// No token can be verified now.
        ProviderUnavailable => "provider_unavailable",
        /// The logout cannot be recorded now.
        StoreUnavailable => "store_unavailable",
    }
}

/// A request with a logout token.
pub struct BackchannelEvent<'a> {
    /// The outcome.
    pub outcome: BackchannelOutcome,
    /// Detail for the operator; never a secret.
    pub detail: Option<&'a dyn std::fmt::Display>,
    /// The sessions that it names, if the token was accepted.
    pub whom: Option<&'a Whom>,
    /// The request id.
    pub request_id: &'a dyn std::fmt::Display,
}

labelled! {
    /// The kind of a request to the provider.
    pub enum ProviderCall {
        /// The discovery document.
        Discovery => "discovery",
        /// The signing keys.
        Keys => "keys",
        /// A code was sent for tokens.
        CodeExchange => "code_exchange",
        /// A refresh token was sent for new tokens.
        Refresh => "refresh",
        /// A refresh token was revoked.
        Revocation => "revocation",
        /// A refresh token was sent to end its session.
        EndSession => "end_session",
        /// An access token was sent for claims.
        Userinfo => "userinfo",
    }
}

labelled! {
    /// How a request to the provider ended.
    pub enum CallOutcome {
        /// The provider returned what was requested.
        Answered => "answered",
        /// The provider returned an error of the protocol.
        Refused => "refused",
        /// The response was missing, late, too long, or of another kind.
        Failed => "failed",
    }
}

/// When an identity was made of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityMade {
    /// At a sign-in.
    SignIn,
    /// At a refresh, which repeats the omissions of the sign-in.
    Refresh,
}

/// The recorder of events.
pub trait Audit: Send + Sync {
    /// Records a decision.
    fn check(&self, event: &CheckEvent<'_>);
    /// Records a step of a sign-in.
    fn login(&self, event: &LoginEvent<'_>);
    /// Records the outcome of a refresh.
    fn refresh(&self, event: &RefreshEvent<'_>);
    /// Records that a check waits for a refresh, because the tokens have expired.
    fn waits(&self, caller: Caller);
    /// Records that the user signed out.
    fn signed_out(&self, host: &str, subject: &str, request_id: &dyn std::fmt::Display);
    /// Records that a user ended other sessions of the same user.
    fn ended_others(&self, host: &str, ended: &EndedOthers, request_id: &dyn std::fmt::Display);
    /// Records that the operator ended the sessions of a user.
    fn ended_by_operator(&self, ended: &EndedOthers);
    /// Records a back-channel logout.
    fn backchannel_logout(&self, event: &BackchannelEvent<'_>);
    /// Records which values of claims were left out of an identity, and why.
    fn omitted_claims(&self, omitted: &Omissions, subject: &str, made: IdentityMade);
    /// Reports a problem that the operator can fix. The log has a rate limit for it.
    fn hint(&self, hint: &Hint<'_>);
    /// Records a request to the provider.
    fn provider_call(&self, call: ProviderCall, outcome: CallOutcome, took: Duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_one_enum_differ() {
        let enums: [&[&str]; 7] = [
            &Outcome::ALL.map(Outcome::label),
            &LoginOutcome::ALL.map(LoginOutcome::label),
            &RefreshOutcome::ALL.map(RefreshOutcome::label),
            &BackchannelOutcome::ALL.map(BackchannelOutcome::label),
            &ProviderCall::ALL.map(ProviderCall::label),
            &CallOutcome::ALL.map(CallOutcome::label),
            &Absence::ALL.map(Absence::label),
        ];
        for labels in enums {
            for (index, label) in labels.iter().enumerate() {
                assert!(!labels[index + 1..].contains(label), "{label} is not unique in {labels:?}");
            }
        }
    }
}
