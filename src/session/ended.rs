//! Which sessions did the provider end?
//!
//! The provider names a session by its `sid`, or a person by `sub`; the session's own id it does not know. So what it
//! ended is remembered by its words, for as long as a session may live.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::flow::ports::{TooManyEnded, UnixTime, Whom};

/// As many are remembered; only the provider can add one.
const MOST: usize = 100_000;

#[derive(Clone, Copy)]
struct Mark {
    /// Sessions that began until then are over.
    before: UnixTime,
    /// When the last of them would have ended by itself.
    until: UnixTime,
}

#[derive(Default)]
struct Marks {
    sids: HashMap<String, Mark>,
    subjects: HashMap<String, Mark>,
}

/// What the provider ended.
#[derive(Default)]
pub(super) struct Ended {
    marks: RwLock<Marks>,
    /// Most processes never have one: a check then looks at this alone.
    any: AtomicBool,
}

impl Ended {
    /// Whether a session is over that began at a time.
    pub(super) fn holds(&self, sid: &str, subject: &str, signed_in_at: UnixTime) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        // A provider's session never comes back to life, so whenever ours began: it is over.
        (!sid.is_empty() && marks.sids.contains_key(sid))
            || marks.subjects.get(subject).is_some_and(|mark| signed_in_at <= mark.before)
    }

    /// Remembers that the sessions of somebody are over, all of which end within `lifetime`.
    pub(super) fn add(&self, whom: &Whom, now: UnixTime, lifetime: Duration) -> Result<(), TooManyEnded> {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        let mark = Mark { before: now, until: now.plus(lifetime) };
        if marks.sids.len() + marks.subjects.len() >= MOST {
            marks.sids.retain(|_, mark| mark.until > now);
            marks.subjects.retain(|_, mark| mark.until > now);
        }
        if marks.sids.len() + marks.subjects.len() >= MOST {
            return Err(TooManyEnded);
        }
        match whom {
            Whom::Sid(sid) => marks.sids.insert(sid.clone(), mark),
            Whom::Subject(subject) => marks.subjects.insert(subject.clone(), mark),
        };
        self.any.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(100);

    #[test]
    fn a_sid_ends_its_session_and_a_subject_those_that_had_begun() {
        let ended = Ended::default();
        assert!(!ended.holds("s1", "alice", UnixTime(1)));
        ended.add(&Whom::Sid("s1".into()), UnixTime(10), LIFETIME).unwrap();
        assert!(ended.holds("s1", "alice", UnixTime(1)) && ended.holds("s1", "alice", UnixTime(11)));
        assert!(!ended.holds("s2", "alice", UnixTime(1)));
        ended.add(&Whom::Subject("alice".into()), UnixTime(20), LIFETIME).unwrap();
        assert!(ended.holds("s2", "alice", UnixTime(20)) && !ended.holds("s2", "alice", UnixTime(21)));
        assert!(!ended.holds("s2", "bob", UnixTime(1)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_only_what_is_over_makes_room() {
        let ended = Ended::default();
        for sid in 0..MOST {
            ended.add(&Whom::Sid(sid.to_string()), UnixTime(1), LIFETIME).unwrap();
        }
        assert!(ended.add(&Whom::Sid("more".into()), UnixTime(100), LIFETIME).is_err());
        assert!(ended.holds("0", "", UnixTime(1)) && !ended.holds("more", "", UnixTime(1)));
        ended.add(&Whom::Sid("more".into()), UnixTime(101), LIFETIME).unwrap();
        assert!(!ended.holds("0", "", UnixTime(1)) && ended.holds("more", "", UnixTime(1)));
    }
}
