//! What time is it?

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch: whole seconds go into tokens, and the fraction keeps short lives in tests exact.
#[expect(clippy::disallowed_methods, reason = "the one place here that reads the clock; handlers pass it on")]
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
