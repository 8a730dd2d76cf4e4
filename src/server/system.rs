//! What the process takes from the system: time, randomness, the log, requests to read files again
//!
//! A test of the whole gateway passes its own.

use std::sync::Arc;

use super::reload::ReloadRequests;
use crate::flow::ports::{Clock, Entropy, NoEntropy, UnixTime};
use crate::telemetry::log::LostLines;

/// What a gateway runs on.
#[derive(Clone)]
pub struct System {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// Log lines that could not be written.
    pub lost_lines: LostLines,
    /// Requests to read keys and certificates again.
    pub reloads: ReloadRequests,
}

impl System {
    /// The machine's clock and random numbers.
    pub fn new(lost_lines: LostLines, reloads: ReloadRequests) -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy), lost_lines, reloads }
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new(LostLines::default(), ReloadRequests::never())
    }
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        // With a clock before 1970 every token is issued in the future, and is refused.
        UnixTime(seconds().unwrap_or(0))
    }
}

/// A check reads the time once. The coarse clock is at most some milliseconds late, and costs a quarter of the exact one.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
fn seconds() -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};

    u64::try_from(clock_gettime(ClockId::RealtimeCoarse).tv_sec).ok()
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
fn seconds() -> Option<u64> {
    use std::time::{SystemTime, UNIX_EPOCH};

    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// The machine's random numbers.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        aws_lc_rs::rand::fill(buffer).map_err(|_| NoEntropy)
    }
}
