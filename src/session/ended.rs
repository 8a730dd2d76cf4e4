//! Marks of sessions that the provider ended (OpenID Connect Back-Channel Logout 1.0)
//!
//! The provider names a session by its `sid`, or a user by `sub`. Each logout token leaves a mark, for as long as a
//! session may live:
//!
//! 1. `sid` alone: the session with this `sid` has ended, whenever it began.
//! 2. `sub` alone: all sessions of the user that began before the token was issued have ended.
//! 3. Both: the session with this `sid` has ended, and so have the user's sessions without a `sid` that began before the
//!    token was issued. The provider left their `sid` out of the ID token, so that one of them may be the one it means.
//! 4. A user with more than [`MAX_SIDS_OF_SUBJECT`] marks as in rule 3 gets one mark as in rule 2 in their place.
//! 5. If there is no room for a mark, the sessions that the token may mean are in doubt: each must refresh at the
//!    provider before its next allow. Doubt is kept by hash in a table of fixed size, so it never runs out of room, and
//!    most sessions that the token does not mean are not affected.
//!
//! A mark compares times of the provider's clock only, so a token that is replayed ends nothing that began after it was
//! issued: no memory of used tokens is needed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::flow::ports::{LogoutEffect, LogoutToken, UnixTime, Whom};

/// Marks by `sid` of tokens without `sub`. They have room of their own: nothing says which user fills it.
const MAX_SIDS: usize = 100_000;
/// Users with a mark.
const MAX_SUBJECTS: usize = 100_000;
/// Marks by `sid` of tokens with `sub`, of all users together.
const MAX_SIDS_OF_SUBJECTS: usize = 100_000;
/// The share of one user in [`MAX_SIDS_OF_SUBJECTS`].
const MAX_SIDS_OF_SUBJECT: usize = 64;
/// Hash buckets for what is in doubt. One refused mark puts about one session in so many in doubt.
const DOUBT_BUCKETS: usize = 1 << 16;
/// Seconds between two searches for marks that have expired.
const SWEEP_SECONDS: u64 = 30;

/// A `sid` or a `sub`, as a hash under a key of this process: nobody outside can choose a collision.
type NameHash = u64;

/// What the provider's logout tokens say about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProviderVerdict {
    /// Nothing, as far as is known at this time.
    Unmarked,
    /// The provider ended it.
    Ended,
    /// A mark that did not fit may mean it, unless the provider refreshed it after this time (our clock).
    InDoubtSince(UnixTime),
}

/// A session, as far as a mark can mean it.
#[derive(Clone, Copy)]
pub(super) struct ProviderSession<'a> {
    /// `sid`, or empty.
    pub(super) sid: &'a str,
    /// `sub`.
    pub(super) subject: &'a str,
    /// `iat` of its first ID token, at most the time of the sign-in.
    pub(super) issued_at: UnixTime,
}

/// The marks of one user.
#[derive(Default)]
struct SubjectMarks {
    /// Sessions that began until then have ended.
    all_until: Option<UnixTime>,
    /// Of the sessions without a `sid`, those that began until then have ended.
    without_sid_until: Option<UnixTime>,
    /// The sessions that have ended, and when each mark expires.
    sids: Vec<(NameHash, UnixTime)>,
    /// When the last mark expires.
    expires_at: Option<UnixTime>,
}

#[derive(Default)]
struct Marks {
    sids: HashMap<NameHash, UnixTime>,
    subjects: HashMap<NameHash, SubjectMarks>,
    sids_of_subjects: usize,
    /// When the last mark of each bucket was refused; empty until the first.
    doubts: Vec<UnixTime>,
    next_sweep: u64,
}

/// The marks of this process.
#[derive(Default)]
pub(super) struct ProviderMarks {
    marks: RwLock<Marks>,
    hasher: RandomState,
    /// Most processes never have one: a check then reads this alone.
    any: AtomicBool,
}

impl ProviderMarks {
    /// What is known about a session.
    pub(super) fn verdict(&self, session: ProviderSession<'_>) -> ProviderVerdict {
        if !self.any.load(Ordering::Acquire) {
            return ProviderVerdict::Unmarked;
        }
        let sid = (!session.sid.is_empty()).then(|| self.hasher.hash_one(session.sid));
        let subject = self.hasher.hash_one(session.subject);
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        if marks.have_ended(sid, subject, session.issued_at) {
            return ProviderVerdict::Ended;
        }
        let doubts = sid.into_iter().chain([subject]).filter_map(|name| marks.doubt(name));
        doubts.max().map_or(ProviderVerdict::Unmarked, ProviderVerdict::InDoubtSince)
    }

    /// Marks the sessions that a token ends, all of which end by themselves within `lifetime`.
    pub(super) fn add(&self, token: &LogoutToken, now: UnixTime, lifetime: Duration) -> LogoutEffect {
        // Ahead of our clock no session can have begun.
        let mark = Mark { until: token.issued_at.min(now), expires_at: now.plus(lifetime) };
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        marks.sweep(now);
        let (sid, subject) = match &token.whom {
            Whom::Session { sid, subject } => (Some(sid), subject.as_ref()),
            Whom::Subject(subject) => (None, Some(subject)),
        };
        let [sid, subject] = [sid, subject].map(|name| name.map(|name| self.hasher.hash_one(name)));
        let fits = match (sid, subject) {
            (Some(sid), None) => marks.add_sid(sid, mark),
            (sid, Some(subject)) => marks.add_subject(subject, sid, mark),
            (None, None) => true,
        };
        if !fits {
            sid.into_iter().chain(subject).for_each(|name| marks.put_in_doubt(name, now));
        }
        self.any.store(true, Ordering::Release);
        if fits { LogoutEffect::Ended } else { LogoutEffect::MustRefresh }
    }
}

#[derive(Clone, Copy)]
struct Mark {
    /// By the provider's clock: what began later is not meant.
    until: UnixTime,
    expires_at: UnixTime,
}

impl Marks {
    fn have_ended(&self, sid: Option<NameHash>, subject: NameHash, issued_at: UnixTime) -> bool {
        // A session of the provider never comes back to life, so its `sid` means it whenever ours began.
        if sid.is_some_and(|sid| self.sids.contains_key(&sid)) {
            return true;
        }
        let Some(marks) = self.subjects.get(&subject) else { return false };
        let this_one = match sid {
            Some(sid) => marks.sids.iter().any(|(known, _)| *known == sid),
            None => marks.without_sid_until.is_some_and(|until| issued_at <= until),
        };
        this_one || marks.all_until.is_some_and(|until| issued_at <= until)
    }

    fn add_sid(&mut self, sid: NameHash, mark: Mark) -> bool {
        let is_full = self.sids.len() >= MAX_SIDS;
        match self.sids.entry(sid) {
            Entry::Occupied(mut known) => *known.get_mut() = mark.expires_at,
            Entry::Vacant(_) if is_full => return false,
            Entry::Vacant(place) => {
                place.insert(mark.expires_at);
            }
        }
        true
    }

    fn add_subject(&mut self, subject: NameHash, sid: Option<NameHash>, mark: Mark) -> bool {
        let is_full = self.subjects.len() >= MAX_SUBJECTS;
        let marks = match self.subjects.entry(subject) {
            Entry::Vacant(_) if is_full => return false,
            entry => entry.or_default(),
        };
        marks.expires_at = marks.expires_at.max(Some(mark.expires_at));
        let Some(sid) = sid else {
            marks.all_until = marks.all_until.max(Some(mark.until));
            return true;
        };
        marks.without_sid_until = marks.without_sid_until.max(Some(mark.until));
        if marks.sids.iter().any(|(known, _)| *known == sid) {
            return true;
        }
        if marks.sids.len() >= MAX_SIDS_OF_SUBJECT {
            // One mark for all of them, which also means every other session that had begun.
            self.sids_of_subjects -= marks.sids.len();
            marks.sids = Vec::new();
            marks.all_until = marks.all_until.max(Some(mark.until));
            return true;
        }
        if self.sids_of_subjects >= MAX_SIDS_OF_SUBJECTS {
            return false;
        }
        marks.sids.push((sid, mark.expires_at));
        self.sids_of_subjects += 1;
        true
    }

    fn doubt(&self, name: NameHash) -> Option<UnixTime> {
        self.doubts.get(bucket(name)).copied().filter(|since| since.0 > 0)
    }

    fn put_in_doubt(&mut self, name: NameHash, now: UnixTime) {
        self.doubts.resize(DOUBT_BUCKETS, UnixTime(0));
        if let Some(since) = self.doubts.get_mut(bucket(name)) {
            *since = now;
        }
    }

    /// Forgets marks that have expired.
    fn sweep(&mut self, now: UnixTime) {
        // A time far ahead comes from a clock that was set back since.
        if now.0 < self.next_sweep && self.next_sweep <= now.0 + SWEEP_SECONDS {
            return;
        }
        self.next_sweep = now.0 + SWEEP_SECONDS;
        self.sids.retain(|_, expires_at| *expires_at > now);
        self.subjects.retain(|_, marks| {
            marks.sids.retain(|(_, expires_at)| *expires_at > now);
            marks.expires_at.is_some_and(|expires_at| expires_at > now)
        });
        self.sids_of_subjects = self.subjects.values().map(|marks| marks.sids.len()).sum();
    }
}

/// The remainder is below [`DOUBT_BUCKETS`], which fits.
fn bucket(name: NameHash) -> usize {
    usize::try_from(name % DOUBT_BUCKETS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
