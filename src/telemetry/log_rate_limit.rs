//! Rate limit of log lines
//!
//! Any client can cause an unlimited number of rejections. The log reports their number without a line for each.

use std::sync::{Mutex, PoisonError};

/// The length of a window, in seconds.
const WINDOW_SECONDS: u64 = 60;

/// Allows a number of lines of one kind in each window of a minute, and counts the suppressed ones.
pub struct LogRateLimit {
    max_lines: u32,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    /// The start, in seconds of the clock that the caller of [`LogRateLimit::take`] uses.
    began_at: u64,
    lines: u32,
    suppressed: u64,
}

/// A line that may be written.
pub struct Line {
    /// The number of lines of this kind that were suppressed since the previous line, if there were any.
    pub suppressed: Option<u64>,
}

impl LogRateLimit {
    /// Allows at most `max_lines` lines a minute.
    pub fn new(max_lines: u32) -> Self {
        Self { max_lines, window: Mutex::default() }
    }

    /// Returns a line to write, or counts the line as suppressed and returns `None`.
    ///
    /// `now` is the time in seconds. All calls must use the same clock.
    pub fn take(&self, now: u64) -> Option<Line> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back also begins a window. Otherwise, no line would be written until it has caught up.
        if now < window.began_at || now - window.began_at >= WINDOW_SECONDS {
            (window.began_at, window.lines) = (now, 0);
        }
        if window.lines >= self.max_lines {
            window.suppressed = window.suppressed.saturating_add(1);
            return None;
        }
        window.lines += 1;
        let suppressed = std::mem::take(&mut window.suppressed);
        Some(Line { suppressed: (suppressed > 0).then_some(suppressed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppressed_lines_of_ten_thousand_events_are_all_counted() {
        let rate_limit = LogRateLimit::new(20);
        let times = (0..10_000).map(|number| 1_800_000_000 + number / 100).chain([1_800_001_000]);
        let lines: Vec<Line> = times.filter_map(|now| rate_limit.take(now)).collect();
        assert_eq!(lines.len(), 41);
        let suppressed: u64 = lines.iter().filter_map(|line| line.suppressed).sum();
        assert_eq!(suppressed + 41, 10_001);
    }

    #[test]
    fn clock_that_is_set_back_begins_a_new_window() {
        let rate_limit = LogRateLimit::new(1);
        assert!(rate_limit.take(1000).is_some_and(|line| line.suppressed.is_none()));
        assert!(rate_limit.take(1001).is_none());
        assert!(rate_limit.take(10).is_some_and(|line| line.suppressed == Some(1)));
    }
}
