//! Marks of sessions that the provider ended (OpenID Connect Back-Channel Logout 1.0)
//!
//! The provider names a session by its `sid`, or a user by `sub`. Both are names of one issuer, so a logout token
//! ends no session of another issuer. Each logout token leaves a logout mark, for as long as a session may last:
//!
//! 1. `sid` alone: the session with this `sid` has ended, whenever it began.
//! 2. `sub` alone: all sessions of the user that had begun have ended.
//! 3. Both: the session with this `sid` has ended, and so have the user's sessions without a `sid` that had begun. The
//!    provider left their `sid` out of the ID token, so that one of them may be the one it means.
//! 4. A user with more than 64 marks as in rule 3 gets one mark as in rule 2 in their place.
//! 5. If there is no room for a mark, the sessions that the token may mean are in doubt. Each of them must refresh at
//!    the provider before its next allow. Doubts are recorded by hash in a table of fixed size, which cannot fill up.
//!    Most sessions that the token does not mean are not affected.
//!
//! A session "had begun" if it began before the token arrived, by our clock. It also "had begun" if its ID token was
//! issued before the logout token, by the provider's clock.
//!
//! A token that arrives again ends no session that began since, because its `jti` is known. If a user has more tokens
//! than are remembered, only the provider's times count, which a replay does not change.

mod marks;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

pub(super) use self::marks::{DoubtNumber, ProviderSession};
use self::marks::{Marks, NameHash, Token};
use crate::flow::ports::{IssuerIndex, LogoutEffect, LogoutToken, UnixTime, Whom};

/// Maximum time of a sign-in in progress when a token arrives. Its session ends later than any that has begun.
const SIGN_IN_TIME: Duration = Duration::from_mins(16);

/// What the provider's logout tokens say about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProviderVerdict {
    /// No mark means it.
    Unmarked,
    /// The provider ended it.
    Ended,
    /// A token whose mark did not fit may mean it, unless a refresh of it began after this doubt.
    InDoubt(DoubtNumber),
}

/// The logout marks of this process.
#[derive(Default)]
pub(super) struct ProviderMarks {
    marks: RwLock<Marks>,
    hasher: RandomState,
    /// Whether there was a mark. In most processes there is none, and a check then reads only this.
    has_marks: AtomicBool,
}

impl ProviderMarks {
    /// Returns what the logout marks say about a session.
    pub(super) fn verdict(&self, session: ProviderSession<'_>) -> ProviderVerdict {
        if !self.has_marks.load(Ordering::Acquire) {
            return ProviderVerdict::Unmarked;
        }
        let (sid, subject) = self.hash_names(session.issuer, session.sid, session.subject);
        let marks = self.read();
        if marks.have_ended(sid, subject, session) {
            return ProviderVerdict::Ended;
        }
        let doubts = sid.into_iter().chain([subject]).filter_map(|name| marks.doubt(name));
        let last = doubts.map(|doubt| doubt.number).max();
        last.map_or(ProviderVerdict::Unmarked, ProviderVerdict::InDoubt)
    }

    /// Returns the last doubt. A refresh that begins now answers it and all doubts before.
    pub(super) fn last_doubt(&self) -> DoubtNumber {
        if self.has_marks.load(Ordering::Acquire) { self.read().last_doubt } else { 0 }
    }

    /// Returns the last doubt that is answered by tokens requested at `requested_at`.
    pub(super) fn answered_by(
        &self,
        issuer: IssuerIndex,
        sid: &str,
        subject: &str,
        requested_at: UnixTime,
    ) -> DoubtNumber {
        if !self.has_marks.load(Ordering::Acquire) {
            return 0;
        }
        let (sid, subject) = self.hash_names(issuer, sid, subject);
        let marks = self.read();
        let mut doubts = sid.into_iter().chain([subject]).filter_map(|name| marks.doubt(name));
        if doubts.any(|doubt| doubt.since >= requested_at) { 0 } else { marks.last_doubt }
    }

    /// Marks the sessions that a token ends. All of them end by themselves within `lifetime`.
    pub(super) fn add(&self, token: &LogoutToken, now: UnixTime, lifetime: Duration) -> LogoutEffect {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        marks.sweep(now);
        let (sid, subject) = match &token.whom {
            Whom::Session { sid, subject } => (Some(sid), subject.as_ref()),
            Whom::Subject(subject) => (None, Some(subject)),
        };
        let issuer = token.issuer;
        let [sid, subject] = [sid, subject].map(|name| name.map(|name| self.hash(issuer, name)));
        let token = Token {
            id: self.hasher.hash_one(&token.token_id),
            issued_at: token.issued_at,
            accepted_until: token.accepted_until,
            now,
            expires_at: now.plus(lifetime).plus(SIGN_IN_TIME),
        };
        let fits = match (sid, subject) {
            (Some(sid), None) => marks.add_sid(sid, token),
            (sid, Some(subject)) => marks.add_subject(subject, sid, token),
            (None, None) => true,
        };
        if !fits {
            marks.put_in_doubt(sid.into_iter().chain(subject), now);
        }
        self.has_marks.store(true, Ordering::Release);
        if fits { LogoutEffect::Ended } else { LogoutEffect::MustRefresh }
    }

    fn hash_names(&self, issuer: IssuerIndex, sid: &str, subject: &str) -> (Option<NameHash>, NameHash) {
        ((!sid.is_empty()).then(|| self.hash(issuer, sid)), self.hash(issuer, subject))
    }

    fn hash(&self, issuer: IssuerIndex, name: &str) -> NameHash {
        self.hasher.hash_one((issuer, name))
    }

    fn read(&self) -> RwLockReadGuard<'_, Marks> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
