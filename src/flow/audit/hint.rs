//! Problems that the operator can fix

use std::net::IpAddr;
use std::time::Duration;

use crate::flow::caller::Caller;

/// A problem that the operator can fix in the configuration.
pub enum Hint<'a> {
    /// The check listener received a request whose path is not a check.
    UnknownCheck {
        /// The address of the sender.
        peer: IpAddr,
        /// The path of the request, which the sender chose.
        path: &'a str,
        /// The paths that are checks.
        paths: &'a str,
    },
    /// One of our pages was requested at a host that is not configured.
    UnknownHost(&'a str),
    /// A user, given by `sub`, signed in or was refreshed without groups, because the provider left them out.
    GroupsUnknown(&'a str),
    /// A check that a proxy sends after a refusal would let the request pass.
    RefusalNotRepeated {
        /// The proxy.
        caller: Caller,
        /// The policy of the check.
        policy: &'a str,
    },
    /// A header was omitted, because the reply would have been too large for the proxy.
    FieldOmitted {
        /// The proxy.
        caller: Caller,
        /// The name of the header.
        name: &'a str,
        /// The size of the header, in bytes.
        bytes: usize,
    },
    /// A proxy probably forwards too few header fields of clients.
    TooFewFields {
        /// The address of the proxy.
        peer: IpAddr,
        /// The dialect of its checks.
        caller: Caller,
        /// The number of checks in a row that show no client.
        checks: u32,
        /// What the operator must change.
        remedy: &'a str,
    },
    /// The provider issued no refresh token.
    NoRefreshToken {
        /// How long a sign-in lasts without one.
        lifetime: Duration,
        /// What the operator must change.
        remedy: &'a str,
    },
    /// A sign-in had none of the claims of the groups, and the provider announces a scope that sends them.
    GroupsNotRequested {
        /// The configured claims, with commas between them.
        claims: &'a str,
        /// The scope.
        scope: &'a str,
    },
    /// A caller does not forward `Set-Cookie` to browsers.
    RotationNotDelivered(Caller),
    /// Another process seals sessions with the same keys.
    KeysAreShared,
}
