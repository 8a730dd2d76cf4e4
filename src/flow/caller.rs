//! The caller of a check, for flows, log and metrics

use std::time::Duration;

/// The caller: a dialect of `edge`, which defines one of these values, or a page of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The label in log and metrics.
    pub label: &'static str,
    /// How long a check may wait for a refresh. The proxy must wait longer than this for the gateway.
    pub patience: Duration,
    /// What the operator must change if refreshed cookies do not reach browsers.
    pub cookie_remedy: &'static str,
}

/// The remedy if no setting of the gateway or of the proxy is wrong.
pub const REMOVED_ON_THE_WAY: &str = "a component between the gateway and the browser removes the cookies";

impl Caller {
    /// The gateway's own pages, which refresh sessions for the user.
    pub const PAGE: Self =
        Self { label: "page", patience: Duration::ZERO, cookie_remedy: REMOVED_ON_THE_WAY };
}
