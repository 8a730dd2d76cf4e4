//! Random choices that follow from one seed
//!
//! Each task has a generator of its own, so that its choices do not depend on the order in which tasks run.

use std::time::Duration;

/// A generator (`SplitMix64`).
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns another generator, which depends on the seed and on this name only.
    pub(crate) fn fork(&self, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut other = Self(self.0 ^ hash);
        other.next();
        other
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to `count - 1`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    /// Returns a time from zero up to `max`.
    pub(crate) fn up_to(&mut self, max: Duration) -> Duration {
        let micros = u64::try_from(max.as_micros()).unwrap();
        Duration::from_micros(self.next() % (micros + 1))
    }

    /// Returns a time from `min` to `max`.
    pub(crate) fn between(&mut self, min: Duration, max: Duration) -> Duration {
        min + self.up_to(max.saturating_sub(min))
    }
}
