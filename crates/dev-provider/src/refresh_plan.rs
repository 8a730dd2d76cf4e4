//! Decisions of a test about single refreshes
//!
//! 1. A rule sees each refresh when it arrives, and returns its faults and the delay of its response.
//! 2. The delay begins after the token was exchanged, so a client that gives up has spent it.

use std::sync::Arc;
use std::time::Duration;

use crate::fault::Fault;

/// A refresh that has arrived, with a refresh token that this provider issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshSeen {
    /// The user who signed in.
    pub username: String,
    /// The id of the refresh-token family.
    pub grant: String,
    /// The generation of the presented token, from 0.
    pub generation: u64,
    /// Whether the presented token is valid: the newest of its family, which is not revoked.
    pub is_valid: bool,
}

/// The faults and the delay of one refresh. The default is a healthy response at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefreshPlan {
    /// Faults of the token endpoint.
    pub faults: Vec<Fault>,
    /// The time between the exchange and the response. It ends early when all faults are released.
    pub delay: Duration,
}

/// Decides about each refresh.
pub(crate) type Rule = Arc<dyn Fn(&RefreshSeen) -> RefreshPlan + Send + Sync>;
