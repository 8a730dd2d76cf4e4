//! Sign-ins that received their authentication response
//!
//! A browser can keep its login cookie and present the same response repeatedly. Each time would cost a request to the
//! provider. The provider may take the second use of a code for theft, and end the session of the first use (RFC 6749
//! §4.1.2).
//!
//! Deployment caveat: only this process has the record, and only while it runs. The provider has a permanent one.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::flow::ports::UnixTime;

/// More sign-ins than occur within ten minutes. If there are more, the oldest is removed, and only the provider rejects
/// its replay.
const MAX_REMEMBERED: usize = 65_536;

/// A hash of the `state`.
pub(super) type StateHash = [u8; 16];

#[derive(Default)]
struct Record {
    known: HashSet<StateHash>,
    /// The hashes with the time when each can be removed, the first to be removed in front.
    order: VecDeque<(UnixTime, StateHash)>,
}

/// The sign-ins that received their response.
#[derive(Default)]
pub(super) struct AnsweredLogins(Mutex<Record>);

impl AnsweredLogins {
    /// Records the use of a `state` until `until`. Returns whether it was the first.
    pub(super) fn record_use(&self, hash: StateHash, now: UnixTime, until: UnixTime) -> bool {
        // A panic cannot leave a partial change here.
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while record.order.front().is_some_and(|(end, _)| *end <= now) || record.order.len() >= MAX_REMEMBERED
        {
            let Some((_, old)) = record.order.pop_front() else { break };
            record.known.remove(&old);
        }
        let is_first = record.known.insert(hash);
        if is_first {
            record.order.push_back((until, hash));
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_hash(number: usize) -> StateHash {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn second_use_is_detected_until_the_sign_in_expires() {
        let answered = AnsweredLogins::default();
        assert!(answered.record_use(state_hash(1), UnixTime(0), UnixTime(600)));
        assert!(!answered.record_use(state_hash(1), UnixTime(599), UnixTime(600)));
        assert!(answered.record_use(state_hash(2), UnixTime(599), UnixTime(600)));
        assert!(answered.record_use(state_hash(1), UnixTime(600), UnixTime(1200)));
    }

    #[test]
    fn recorded_sign_ins_are_limited() {
        let answered = AnsweredLogins::default();
        for number in 0..MAX_REMEMBERED + 10 {
            assert!(answered.record_use(state_hash(number), UnixTime(0), UnixTime(600)));
        }
        let record = answered.0.lock().unwrap();
        assert_eq!((record.known.len(), record.order.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
