//! Times and their differences

use std::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z, the unit of every time in a token (RFC 7519 §2, NumericDate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Returns the time that is later by a duration, in whole seconds.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// Returns whether this time is less than `age` ago. A later time is one before the clock was set back.
    pub fn is_within(self, age: Duration, now: Self) -> bool {
        self <= now && now < self.plus(age)
    }

    /// Returns the whole seconds from `earlier` until this time; 0 if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
