//! System resources: clock, random numbers, lost log lines and reload requests
//!
//! A test of the whole gateway passes its own resources.

use std::sync::Arc;

use super::reload::ReloadRequests;
use crate::flow::ports::{Clock, Entropy, NoEntropy, UnixTime};
use crate::telemetry::log::LostLines;

/// The system resources of a gateway.
#[derive(Clone)]
pub struct System {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// The count of log lines that could not be written.
    pub lost_lines: LostLines,
    /// Requests to read keys and certificates again.
    pub reloads: ReloadRequests,
}

impl System {
    /// Returns resources with the machine's clock and random numbers.
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
        // If the clock is before 1970, every token counts as issued in the future and is rejected.
        UnixTime(read_clock().unwrap_or(0))
    }
}

/// The maximum delay of the coarse clock: one tick of a kernel with 100 ticks per second.
#[cfg(target_os = "linux")]
const MAX_DELAY_NANOSECONDS: i64 = 10_000_000;

/// Returns the time in seconds since 1970. Each check reads it once, and the coarse clock costs a quarter of the exact
/// one.
///
/// The maximum delay is added, because otherwise a new token can seem to be issued in the future.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is the implementation of the Clock port")]
fn read_clock() -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::RealtimeCoarse);
    let is_next_second = time.tv_nsec >= 1_000_000_000 - MAX_DELAY_NANOSECONDS;
    u64::try_from(time.tv_sec + i64::from(is_next_second)).ok()
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the implementation of the Clock port")]
fn read_clock() -> Option<u64> {
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
