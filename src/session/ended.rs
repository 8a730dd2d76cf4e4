//! Which sessions did the provider end?
//!
//! The provider names a session by its `sid`, or a person by `sub`; the session's own id it does not know. So what it
//! ended is remembered by its words, for as long as a session may live:
//! 1. A `sid` ends the session that has it.
//! 2. A `sub` ends all sessions of the person that had begun.
//! 3. A `sid` with a `sub` ends, beside its own session, those of the person that had begun and have no `sid`: the
//!    provider left it out of the ID token, so that one of them may be the one that is meant.

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
    /// By `sub`, of which only sessions without a `sid` are over.
    nameless: HashMap<String, Mark>,
}

impl Marks {
    fn len(&self) -> usize {
        self.sids.len() + self.subjects.len() + self.nameless.len()
    }

    fn forget_what_is_over(&mut self, now: UnixTime) {
        for marks in [&mut self.sids, &mut self.subjects, &mut self.nameless] {
            marks.retain(|_, mark| mark.until > now);
        }
    }
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
        let had_begun = |mark: &Mark| signed_in_at <= mark.before;
        let this_one = if sid.is_empty() {
            marks.nameless.get(subject).is_some_and(had_begun)
        } else {
            // A provider's session never comes back to life, so whenever ours began: it is over.
            marks.sids.contains_key(sid)
        };
        this_one || marks.subjects.get(subject).is_some_and(had_begun)
    }

    /// Remembers that the sessions of somebody are over, all of which end within `lifetime`.
    pub(super) fn add(&self, whom: &Whom, now: UnixTime, lifetime: Duration) -> Result<(), TooManyEnded> {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        let mark = Mark { before: now, until: now.plus(lifetime) };
        let (sid, nameless, subject) = match whom {
            Whom::Session { sid, subject } => (Some(sid), subject.as_ref(), None),
            Whom::Subject(subject) => (None, None, Some(subject)),
        };
        let room = MOST - [sid, nameless, subject].iter().flatten().count();
        if marks.len() > room {
            marks.forget_what_is_over(now);
        }
        if marks.len() > room {
            return Err(TooManyEnded);
        }
        marks.sids.extend(sid.map(|sid| (sid.clone(), mark)));
        marks.nameless.extend(nameless.map(|subject| (subject.clone(), mark)));
        marks.subjects.extend(subject.map(|subject| (subject.clone(), mark)));
        self.any.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(100);

    fn session(sid: &str, subject: Option<&str>) -> Whom {
        Whom::Session { sid: sid.to_owned(), subject: subject.map(str::to_owned) }
    }

    #[test]
    fn a_sid_ends_its_session_and_a_subject_those_that_had_begun() {
        let ended = Ended::default();
        assert!(!ended.holds("s1", "alice", UnixTime(1)));
        ended.add(&session("s1", None), UnixTime(10), LIFETIME).unwrap();
        assert!(!ended.holds("", "alice", UnixTime(1)), "it says of whom nothing is known");
        assert!(ended.holds("s1", "alice", UnixTime(1)) && ended.holds("s1", "alice", UnixTime(11)));
        assert!(!ended.holds("s2", "alice", UnixTime(1)));
        ended.add(&Whom::Subject("alice".into()), UnixTime(20), LIFETIME).unwrap();
        assert!(ended.holds("s2", "alice", UnixTime(20)) && !ended.holds("s2", "alice", UnixTime(21)));
        assert!(!ended.holds("s2", "bob", UnixTime(1)));
    }

    #[test]
    fn a_sid_with_a_subject_ends_what_had_begun_without_a_sid_and_no_other_session() {
        let ended = Ended::default();
        ended.add(&session("s1", Some("alice")), UnixTime(10), LIFETIME).unwrap();
        assert!(ended.holds("", "alice", UnixTime(10)) && ended.holds("s1", "alice", UnixTime(11)));
        assert!(!ended.holds("", "alice", UnixTime(11)), "it had not begun");
        assert!(!ended.holds("s2", "alice", UnixTime(10)), "it is another one");
        assert!(!ended.holds("", "bob", UnixTime(10)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_only_what_is_over_makes_room() {
        let ended = Ended::default();
        for sid in 0..MOST {
            ended.add(&session(&sid.to_string(), None), UnixTime(1), LIFETIME).unwrap();
        }
        assert!(ended.add(&session("more", None), UnixTime(100), LIFETIME).is_err());
        assert!(ended.holds("0", "", UnixTime(1)) && !ended.holds("more", "", UnixTime(1)));
        ended.add(&session("more", None), UnixTime(101), LIFETIME).unwrap();
        assert!(!ended.holds("0", "", UnixTime(1)) && ended.holds("more", "", UnixTime(1)));
    }

    #[test]
    fn a_sid_with_a_subject_takes_two_places_or_none() {
        let ended = Ended::default();
        for sid in 0..MOST / 2 {
            ended.add(&session(&sid.to_string(), Some(&sid.to_string())), UnixTime(1), LIFETIME).unwrap();
        }
        assert!(ended.add(&Whom::Subject("more".into()), UnixTime(1), LIFETIME).is_err());
        ended.add(&session("last but one", None), UnixTime(101), LIFETIME).unwrap();
        for sid in 2..MOST {
            ended.add(&session(&sid.to_string(), None), UnixTime(101), LIFETIME).unwrap();
        }
        assert!(ended.add(&session("more", Some("alice")), UnixTime(101), LIFETIME).is_err());
        assert!(!ended.holds("more", "alice", UnixTime(1)) && !ended.holds("", "alice", UnixTime(1)));
        ended.add(&session("more", None), UnixTime(101), LIFETIME).unwrap();
    }
}
