//! Why a request must not pass

use thiserror::Error;

use crate::access::policy::Refusal;
use crate::access::refused_fields::{Alias, ForeignField};

/// Why a request must not pass.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// A header is an alias of an owned name: an attempt to forge it, or an unusual client.
    #[error(transparent)]
    Alias(#[from] Alias),
    /// A header that only a gateway may send, and that the proxy cannot remove.
    #[error(transparent)]
    ForeignField(#[from] ForeignField),
    /// A client requested the check itself, whose reply has the user's ID token.
    #[error("a client requested the check itself; make its location internal")]
    CheckItself,
    /// The proxy names a policy that is not configured.
    #[error("unknown policy")]
    UnknownPolicy,
    /// Headlamp would send the request to an address that the client chose.
    #[error(
        "Headlamp would send this request to an address of the client's choice; headlamp.dangerously_allow_external_targets permits it"
    )]
    ExternalTarget,
    /// A cross-origin write: a page of another origin sent an unsafe method in the session of a user.
    #[error("a page of another origin sent an unsafe method in the session of a user")]
    CrossOriginWrite,
    /// A page of another origin would open a WebSocket as the user.
    #[error("the WebSocket handshake comes from another origin")]
    CrossOriginWebSocket,
    /// The user does not meet the policy.
    #[error("{refusal}{}", describe_groups(*refusal, *groups))]
    Policy {
        /// The condition that is not met.
        refusal: Refusal,
        /// Whether the last refresh took the policy from the user.
        was_lost: bool,
        /// The number of the user's groups.
        groups: usize,
        /// The user name, so that the page can show the account.
        user: String,
        /// The URL of our page to sign in with another account.
        another_account: String,
    },
}

/// Returns the number of the user's groups, if it helps. A refusal of a user without groups says so itself.
fn describe_groups(refusal: Refusal, groups: usize) -> String {
    match refusal {
        Refusal::Group => format!("; the session has {groups} groups"),
        Refusal::NoGroup | Refusal::Email | Refusal::NoEmail => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_without_groups_says_so_once() {
        let text = |refusal, groups| {
            let (user, another_account) = (String::new(), String::new());
            Denial::Policy { refusal, was_lost: false, groups, user, another_account }.to_string()
        };
        assert_eq!(text(Refusal::NoGroup, 0).matches("the session has").count(), 1);
        assert_eq!(
            text(Refusal::Group, 3),
            "in none of the allowed groups; the session has 3 groups",
            "the number shows that groups arrived"
        );
        assert!(!text(Refusal::Email, 3).contains("groups"));
    }
}
