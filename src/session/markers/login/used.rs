//! Which sign-ins have had their answer?
//!
//! A browser can keep its login cookie and present the same answer again and again; each time would be a call to the
//! provider, which may take the second use of a code for theft and end the session of the first (RFC 6749 §4.1.2).
//!
//! Deployment caveat: this is known while the process lives and to no other replica; the provider knows it for good.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::flow::ports::UnixTime;

/// More than anybody signs in within ten minutes. Beyond it the oldest goes: then the provider alone refuses a replay.
const MAX_REMEMBERED: usize = 65_536;

/// A hash of the `state`.
pub(super) type Mark = [u8; 16];

#[derive(Default)]
struct Marks {
    known: HashSet<Mark>,
    /// With the time when each may be forgotten, the first to go in front.
    order: VecDeque<(UnixTime, Mark)>,
}

/// The answered sign-ins.
#[derive(Default)]
pub(super) struct Used(Mutex<Marks>);

impl Used {
    /// Notes the use until `until`; says whether it was the first.
    pub(super) fn is_first(&self, mark: Mark, now: UnixTime, until: UnixTime) -> bool {
        // A panic elsewhere cannot leave a half-made change here.
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while marks.order.front().is_some_and(|(end, _)| *end <= now) || marks.order.len() >= MAX_REMEMBERED {
            let Some((_, old)) = marks.order.pop_front() else { break };
            marks.known.remove(&old);
        }
        let first = marks.known.insert(mark);
        if first {
            marks.order.push_back((until, mark));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: usize) -> Mark {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn a_second_use_is_known_until_the_sign_in_is_over_anyway() {
        let used = Used::default();
        assert!(used.is_first(mark(1), UnixTime(0), UnixTime(600)));
        assert!(!used.is_first(mark(1), UnixTime(599), UnixTime(600)));
        assert!(used.is_first(mark(2), UnixTime(599), UnixTime(600)));
        assert!(used.is_first(mark(1), UnixTime(600), UnixTime(1200)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let used = Used::default();
        for number in 0..MAX_REMEMBERED + 10 {
            assert!(used.is_first(mark(number), UnixTime(0), UnixTime(600)));
        }
        let marks = used.0.lock().unwrap();
        assert_eq!((marks.known.len(), marks.order.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
