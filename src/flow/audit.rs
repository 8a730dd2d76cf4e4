//! What happened, in words that the operator's log and metrics can tell?

use std::net::IpAddr;
use std::time::Duration;

use super::caller::Caller;
use super::labels::labelled;
use super::ports::{Absence, Whom};

labelled! {
    /// How a check ended.
    pub enum Outcome {
        /// Passed.
        Allow => "allow",
        /// Asked to sign in.
        Challenge => "challenge",
        /// Known and refused.
        Deny => "deny",
        /// Could not tell.
        Fail => "fail",
        /// The question itself was not acceptable.
        Malformed => "malformed",
    }
}

/// One decision.
pub struct CheckEvent<'a> {
    /// The caller.
    pub caller: Caller,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not pass.
    pub reason: Option<&'a dyn std::fmt::Display>,
    /// The policy, if it is the reason; the proxy's URL names it.
    pub policy: Option<&'a str>,
    /// Why there was no session, where there was none.
    pub absence: Option<Absence>,
    /// The public host, where it is known.
    pub host: Option<&'a str>,
    /// The person, where known.
    pub subject: Option<&'a str>,
    /// The client, as the trusted proxy told it.
    pub client: Option<IpAddr>,
    /// The request id given to the client.
    pub request_id: Option<&'a dyn std::fmt::Display>,
}

labelled! {
    /// How a sign-in ended.
    pub enum LoginOutcome {
        /// The person was sent to the provider.
        Started => "started",
        /// A session began.
        Succeeded => "succeeded",
        /// No login transaction of this browser fits: replayed, expired, or forged.
        UnknownState => "unknown_state",
        /// The provider said no, or the person did.
        ProviderRefused => "provider_refused",
        /// The provider could not be asked.
        ProviderUnavailable => "provider_unavailable",
        /// The provider's answer broke a rule.
        ProviderMisbehaved => "provider_misbehaved",
        /// The request was not acceptable.
        ClientForged => "client_forged",
        /// The provider kept the groups back, and no policy does without.
        GroupsUnknown => "groups_unknown",
        /// The session could not be kept.
        NotKept => "not_kept",
        /// It would go round in circles.
        LoopDetected => "stuck",
    }
}

/// A step of a sign-in.
pub struct LoginEvent<'a> {
    /// How it ended.
    pub outcome: LoginOutcome,
    /// Detail for the operator; never a secret.
    pub detail: Option<&'a dyn std::fmt::Display>,
    /// The person, where known.
    pub subject: Option<&'a str>,
    /// The public host.
    pub host: &'a str,
    /// The request id given to the client.
    pub request_id: &'a dyn std::fmt::Display,
}

labelled! {
    /// How a renewal of a session's tokens ended.
    pub enum RefreshOutcome {
        /// The session has new tokens.
        Renewed => "renewed",
        /// The provider cannot be reached, or asks for patience; it is asked again.
        ProviderUnavailable => "provider_unavailable",
        /// The provider refuses us, not the person; it is asked again.
        ClientRefused => "client_refused",
        /// No answer came; the session lives on until its tokens end.
        OutcomeUnknown => "outcome_unknown",
        /// The provider has ended the session.
        GrantRefused => "grant_refused",
        /// The answer broke a rule, and the session is over.
        ProviderMisbehaved => "provider_misbehaved",
        /// The session had ended meanwhile.
        TooLate => "too_late",
        /// The new tokens do not fit into cookies; the session lives on until its old ones end.
        NotKept => "not_kept",
    }
}

/// A renewal of a session's tokens.
pub struct RefreshEvent<'a> {
    /// How it ended.
    pub outcome: RefreshOutcome,
    /// Detail for the operator; never a secret.
    pub detail: Option<&'a dyn std::fmt::Display>,
    /// The person.
    pub subject: &'a str,
    /// The caller whose check began it.
    pub caller: Caller,
}

labelled! {
    /// How a logout token was taken.
    pub enum BackchannelOutcome {
        /// The sessions that it names have ended.
        Ended => "ended",
        /// The sessions that it may mean must refresh at the provider: there is no room to record which they are.
        MustRefresh => "must_refresh",
        /// The request held none, or more than one.
        Malformed => "malformed",
        /// It breaks a rule.
        NotAcceptable => "not_acceptable",
        /// Nothing can be verified now.
        ProviderUnavailable => "provider_unavailable",
        /// Nothing can be recorded now.
        StoreUnavailable => "store_unavailable",
    }
}

/// A logout token came.
pub struct BackchannelEvent<'a> {
    /// How it was taken.
    pub outcome: BackchannelOutcome,
    /// Detail for the operator; never a secret.
    pub detail: Option<&'a dyn std::fmt::Display>,
    /// Whose sessions, where they are over.
    pub whom: Option<&'a Whom>,
    /// The name of the request.
    pub request_id: &'a dyn std::fmt::Display,
}

labelled! {
    /// What the provider was asked.
    pub enum ProviderCall {
        /// The discovery document.
        Discovery => "discovery",
        /// The signing keys.
        Keys => "keys",
        /// A code for tokens.
        CodeExchange => "code_exchange",
        /// A refresh token for new tokens.
        Refresh => "refresh",
        /// A refresh token to be made worthless.
        Revocation => "revocation",
        /// An access token for claims.
        Userinfo => "userinfo",
    }
}

labelled! {
    /// How the provider answered.
    pub enum CallOutcome {
        /// With what was asked for.
        Answered => "answered",
        /// With an error of the protocol.
        Refused => "refused",
        /// Not at all, too late, too long, or with something else.
        Failed => "failed",
    }
}

/// Something that the operator's settings can mend.
pub enum Hint<'a> {
    /// A peer asked for a check without being trusted.
    UntrustedPeer(IpAddr),
    /// A request came to the check listener at a path that is no check.
    UnknownCheck {
        /// The sender.
        peer: IpAddr,
        /// The path of the request; the sender chose it.
        path: &'a str,
        /// The paths that are checks.
        paths: &'a str,
    },
    /// A request came to a host that is not configured.
    UnknownHost(&'a str),
    /// Somebody, named by `sub`, signed in whose groups the provider kept back.
    GroupsUnknown(&'a str),
    /// A caller does not hand `Set-Cookie` on to browsers.
    RotationNotDelivered(Caller),
    /// Another process seals sessions with the same keys.
    KeysAreShared,
}

/// Where events go.
pub trait Audit: Send + Sync {
    /// A decision was made.
    fn check(&self, event: &CheckEvent<'_>);
    /// A sign-in took a step.
    fn login(&self, event: &LoginEvent<'_>);
    /// A session's tokens were to be renewed.
    fn refresh(&self, event: &RefreshEvent<'_>);
    /// A check waits for a renewal, because the tokens are over.
    fn waits(&self, caller: Caller);
    /// A session ended because the person asked for it.
    fn signed_out(&self, host: &str, subject: &str, request_id: &dyn std::fmt::Display);
    /// The provider said that a session is over.
    fn backchannel_logout(&self, event: &BackchannelEvent<'_>);
    /// Something the provider said about a person was left out of the identity.
    fn omitted_claim(&self, what: &str, value: &str, why: &dyn std::fmt::Display, subject: &str);
    /// The operator can mend something; told at most once in a while.
    fn hint(&self, hint: &Hint<'_>);
    /// The provider was called.
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
                assert!(!labels[index + 1..].contains(label), "{label} comes twice in {labels:?}");
            }
        }
    }
}
