//! Tables of logout marks and doubts, with their limits

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::flow::ports::{IssuerIndex, UnixTime};

/// Maximum number of marks by `sid` from tokens without `sub`. They have a limit of their own, because no claim shows
/// which user they count for.
pub(super) const MAX_SIDS: usize = 100_000;
/// Maximum number of users with a mark.
pub(super) const MAX_SUBJECTS: usize = 100_000;
/// Maximum number of marks by `sid` from tokens with `sub`, of all users together.
pub(super) const MAX_SIDS_OF_SUBJECTS: usize = 100_000;
/// Maximum number of marks of one user in [`MAX_SIDS_OF_SUBJECTS`].
pub(super) const MAX_SIDS_OF_SUBJECT: usize = 64;
/// Maximum number of tokens of one user that are remembered until they expire.
pub(super) const MAX_TOKENS_OF_SUBJECT: usize = 64;
/// Number of hash buckets for doubts. A mark that did not fit puts about one session in this number in doubt.
const DOUBT_BUCKETS: usize = 1 << 16;
/// Seconds between two searches for marks that have expired.
const SWEEP_SECONDS: u64 = 30;

/// A hash of a `sid` or a `sub` of one issuer, under a key of this process. So no client can choose a collision.
pub(super) type NameHash = u64;

/// Doubts are numbered in the order in which they arise. 0 is before all of them.
pub(in crate::session) type DoubtNumber = u64;

/// The properties of a session that a mark can match.
#[derive(Clone, Copy)]
pub(in crate::session) struct ProviderSession<'a> {
    pub(in crate::session) issuer: IssuerIndex,
    /// `sid`, or empty.
    pub(in crate::session) sid: &'a str,
    /// `sub`.
    pub(in crate::session) subject: &'a str,
    /// When it began, by our clock.
    pub(in crate::session) signed_in_at: UnixTime,
    /// `iat` of its first ID token, by the provider's clock.
    pub(in crate::session) issued_at: UnixTime,
}

/// The latest beginning of sessions that have ended.
#[derive(Clone, Copy, Default)]
struct Cutoff {
    /// By our clock.
    signed_in: Option<UnixTime>,
    /// By the provider's clock.
    issued: Option<UnixTime>,
}

impl Cutoff {
    fn covers(self, session: ProviderSession<'_>) -> bool {
        self.signed_in.is_some_and(|cutoff| session.signed_in_at <= cutoff)
            || self.issued.is_some_and(|cutoff| session.issued_at <= cutoff)
    }

    fn extend(&mut self, other: Self) {
        self.signed_in = self.signed_in.max(other.signed_in);
        self.issued = self.issued.max(other.issued);
    }
}

/// The marks of one user.
#[derive(Default)]
pub(super) struct SubjectMarks {
    all: Cutoff,
    without_sid: Cutoff,
    /// The `sid` of each session that has ended, as in [`Marks::sids`].
    sids: Vec<NameHash>,
    /// The tokens that arrived, and until when each would be accepted again.
    tokens: Vec<(NameHash, UnixTime)>,
    /// When the last mark expires.
    expires_at: Option<UnixTime>,
}

/// The mark of a session that ended.
pub(super) struct SidMark {
    expires_at: UnixTime,
    /// The user whose limit it counts for.
    subject: Option<NameHash>,
}

#[derive(Clone, Copy)]
pub(super) struct Doubt {
    pub(super) number: DoubtNumber,
    pub(super) since: UnixTime,
}

/// All marks.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) sids: HashMap<NameHash, SidMark>,
    pub(super) subjects: HashMap<NameHash, SubjectMarks>,
    /// The number of `sids` that count for a user's limit.
    pub(super) sids_of_subjects: usize,
    /// The last doubt of each bucket; empty until the first.
    doubts: Vec<Option<Doubt>>,
    pub(super) last_doubt: DoubtNumber,
    next_sweep: u64,
}

/// A logout token that arrived.
#[derive(Clone, Copy)]
pub(super) struct Token {
    /// `jti`.
    pub(super) id: NameHash,
    pub(super) issued_at: UnixTime,
    /// Cutoff when it would be accepted again.
    pub(super) accepted_until: UnixTime,
    pub(super) now: UnixTime,
    /// When its mark expires.
    pub(super) expires_at: UnixTime,
}

impl Marks {
    pub(super) fn have_ended(
        &self,
        sid: Option<NameHash>,
        subject: NameHash,
        session: ProviderSession<'_>,
    ) -> bool {
        // A session that the provider ended stays ended. So its `sid` matches, whenever our session began.
        if sid.is_some_and(|sid| self.sids.contains_key(&sid)) {
            return true;
        }
        let Some(marks) = self.subjects.get(&subject) else { return false };
        marks.all.covers(session) || (sid.is_none() && marks.without_sid.covers(session))
    }

    pub(super) fn add_sid(&mut self, sid: NameHash, token: Token) -> bool {
        let is_full = self.sids.len() - self.sids_of_subjects >= MAX_SIDS;
        match self.sids.entry(sid) {
            Entry::Occupied(mut known) => known.get_mut().expires_at = token.expires_at,
            Entry::Vacant(_) if is_full => return false,
            Entry::Vacant(entry) => {
                entry.insert(SidMark { expires_at: token.expires_at, subject: None });
            }
        }
        true
    }

    pub(super) fn add_subject(&mut self, subject: NameHash, sid: Option<NameHash>, token: Token) -> bool {
        let is_full = self.subjects.len() >= MAX_SUBJECTS;
        let marks = match self.subjects.entry(subject) {
            Entry::Vacant(_) if is_full => return false,
            entry => entry.or_default(),
        };
        let Some(cutoff) = marks.record_token(token) else { return true };
        marks.expires_at = marks.expires_at.max(Some(token.expires_at));
        let Some(sid) = sid else {
            marks.all.extend(cutoff);
            return true;
        };
        marks.without_sid.extend(cutoff);
        if let Some(known) = self.sids.get_mut(&sid) {
            known.expires_at = token.expires_at;
            return true;
        }
        if marks.sids.len() >= MAX_SIDS_OF_SUBJECT {
            // One mark replaces them. It also matches every other session of the user that had begun.
            let replaced = std::mem::take(&mut marks.sids);
            marks.all.extend(marks.without_sid);
            self.sids_of_subjects -= replaced.len();
            for sid in replaced {
                self.sids.remove(&sid);
            }
            return true;
        }
        if self.sids_of_subjects >= MAX_SIDS_OF_SUBJECTS {
            return false;
        }
        marks.sids.push(sid);
        self.sids.insert(sid, SidMark { expires_at: token.expires_at, subject: Some(subject) });
        self.sids_of_subjects += 1;
        true
    }

    pub(super) fn doubt(&self, name: NameHash) -> Option<Doubt> {
        self.doubts.get(bucket(name)).copied().flatten()
    }

    pub(super) fn put_in_doubt(&mut self, names: impl Iterator<Item = NameHash>, since: UnixTime) {
        self.doubts.resize(DOUBT_BUCKETS, None);
        self.last_doubt += 1;
        for name in names {
            if let Some(doubt) = self.doubts.get_mut(bucket(name)) {
                *doubt = Some(Doubt { number: self.last_doubt, since });
            }
        }
    }

    /// Removes marks that have expired.
    pub(super) fn sweep(&mut self, now: UnixTime) {
        // If the next sweep is far ahead, the clock was set back since.
        if now.0 < self.next_sweep && self.next_sweep <= now.0 + SWEEP_SECONDS {
            return;
        }
        self.next_sweep = now.0 + SWEEP_SECONDS;
        self.sids.retain(|_, mark| mark.expires_at > now);
        let sids = &self.sids;
        self.subjects.retain(|_, marks| {
            marks.sids.retain(|sid| sids.contains_key(sid));
            marks.expires_at.is_some_and(|expires_at| expires_at > now)
        });
        self.sids_of_subjects = self.sids.values().filter(|mark| mark.subject.is_some()).count();
    }
}

impl SubjectMarks {
    /// Records a token, and returns the latest beginning of the sessions that it ends. `None` if it arrived before.
    fn record_token(&mut self, token: Token) -> Option<Cutoff> {
        self.tokens.retain(|(_, accepted_until)| *accepted_until > token.now);
        if self.tokens.iter().any(|(known, _)| *known == token.id) {
            return None;
        }
        let is_first = self.tokens.len() < MAX_TOKENS_OF_SUBJECT;
        if is_first {
            self.tokens.push((token.id, token.accepted_until));
        }
        Some(Cutoff { signed_in: is_first.then_some(token.now), issued: Some(token.issued_at) })
    }
}

/// The remainder is below [`DOUBT_BUCKETS`], which fits.
fn bucket(name: NameHash) -> usize {
    usize::try_from(name % DOUBT_BUCKETS as u64).unwrap_or_default()
}
