//! Which lines are not written, because somebody makes too many of one kind?
//!
//! A stranger can cause refusals without end; the log says how many there were, without a line for each.

use std::sync::{Mutex, PoisonError};

/// Seconds that a turn lasts.
const TURN: u64 = 60;

/// Lets some lines of one kind through in each turn of a minute, and counts the others.
pub struct LogRateLimit {
    most: u32,
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    /// Seconds of the clock that [`LogRateLimit::take`] is given.
    began: u64,
    lines: u32,
    suppressed: u64,
}

/// A line that may be written.
pub struct Line {
    /// How many of its kind were not, since the last one that was; to be said where there were any.
    pub suppressed: Option<u64>,
}

impl LogRateLimit {
    /// At most `most` lines a minute.
    pub fn new(most: u32) -> Self {
        Self { most, turn: Mutex::default() }
    }

    /// The next line, at `now` in seconds of any one clock, or `None` where it is to be left out and is counted.
    pub fn take(&self, now: u64) -> Option<Line> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins a turn too: the log must not fall silent until it has caught up.
        if now < turn.began || now - turn.began >= TURN {
            (turn.began, turn.lines) = (now, 0);
        }
        if turn.lines >= self.most {
            turn.suppressed = turn.suppressed.saturating_add(1);
            return None;
        }
        turn.lines += 1;
        let suppressed = std::mem::take(&mut turn.suppressed);
        Some(Line { suppressed: (suppressed > 0).then_some(suppressed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_events_make_a_few_lines_whose_counts_add_up() {
        let rate_limit = LogRateLimit::new(20);
        let times = (0..10_000).map(|number| 1_800_000_000 + number / 100).chain([1_800_001_000]);
        let lines: Vec<Line> = times.filter_map(|now| rate_limit.take(now)).collect();
        assert_eq!(lines.len(), 41);
        let suppressed: u64 = lines.iter().filter_map(|line| line.suppressed).sum();
        assert_eq!(suppressed + 41, 10_001);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let rate_limit = LogRateLimit::new(1);
        assert!(rate_limit.take(1000).is_some_and(|line| line.suppressed.is_none()));
        assert!(rate_limit.take(1001).is_none());
        assert!(rate_limit.take(10).is_some_and(|line| line.suppressed == Some(1)));
    }
}
