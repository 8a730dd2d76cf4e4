//! The caller of a check, as flows, log and metrics know it.

use std::time::Duration;

/// A dialect of `edge`, which defines one of these, or a page of ours.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The label in log and metrics.
    pub label: &'static str,
    /// How long a check may wait for a refresh: less than the proxy waits for us.
    pub patience: Duration,
    /// What the operator must change if refreshed cookies do not reach browsers.
    pub cookie_remedy: &'static str,
}

/// The remedy if no setting of ours or of the proxy is at fault.
pub const REMOVED_ON_THE_WAY: &str = "something between it and the browser removes them";

impl Caller {
    /// Our own pages, which refresh sessions for the user.
    pub const PAGE: Self =
        Self { label: "page", patience: Duration::ZERO, cookie_remedy: REMOVED_ON_THE_WAY };
}
