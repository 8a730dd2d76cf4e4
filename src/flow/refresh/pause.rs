//! When is a provider asked again that did not answer?

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::flow::ports::{SessionId, UnixTime};

/// After so many failures in a row nobody asks for a while, whoever's session it is.
const FAILURES: u32 = 3;
/// The longest time between two attempts, in seconds, where the provider does not ask for more.
const LONGEST: u64 = 32;

/// How the provider fares.
#[derive(Default)]
pub(super) struct Pause {
    failures: AtomicU32,
    until: AtomicU64,
}

impl Pause {
    /// Whether nobody shall ask now.
    pub(super) fn holds(&self, now: UnixTime) -> bool {
        self.until.load(Ordering::Relaxed) > now.0
    }

    /// It answered.
    pub(super) fn answered(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.until.store(0, Ordering::Relaxed);
    }

    /// It did not, or asked for patience: when this session's token may be sent again. The first failures of one session
    /// do not keep the others waiting.
    pub(super) fn failed(&self, now: UnixTime, retry_after: Option<Duration>, id: SessionId) -> UnixTime {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let base = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(LONGEST).clamp(1, LONGEST);
        // Sessions that failed together do not come back together.
        let spread = id.0.iter().map(|byte| u64::from(*byte)).sum::<u64>() % (base / 2 + 1);
        let own = UnixTime(now.0.saturating_add(base + spread));
        let until = retry_after.map_or(own, |wait| now.plus(wait).max(UnixTime(now.0 + 1)));
        if failures >= FAILURES || retry_after.is_some() {
            self.until.fetch_max(until.0, Ordering::Relaxed);
        }
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId([1; 16]);
    const NOW: UnixTime = UnixTime(100);

    #[test]
    fn it_is_asked_less_and_less_often_and_all_wait_after_three_failures() {
        let pause = Pause::default();
        let waits: Vec<u64> = (0..3).map(|_| pause.failed(NOW, None, ID).0 - NOW.0).collect();
        assert!(waits[0] == 1 && (2..=3).contains(&waits[1]) && (4..=6).contains(&waits[2]), "{waits:?}");
        assert!(pause.holds(UnixTime(103)) && !pause.holds(UnixTime(106)));
        let longest = (0..100).map(|_| pause.failed(NOW, None, ID).0 - NOW.0).max().unwrap();
        assert!((LONGEST..=LONGEST * 3 / 2).contains(&longest));
        pause.answered();
        assert!(!pause.holds(NOW));
        assert_eq!(pause.failed(NOW, None, ID), UnixTime(101));
        assert!(!pause.holds(NOW), "one failure is no outage");
    }

    #[test]
    fn a_provider_that_asks_for_patience_gets_it_from_all() {
        let pause = Pause::default();
        assert_eq!(pause.failed(NOW, Some(Duration::from_secs(20)), ID), UnixTime(120));
        assert!(pause.holds(UnixTime(119)) && !pause.holds(UnixTime(120)));
    }
}
