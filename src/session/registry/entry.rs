//! One session in the registry, and how it changes

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::super::users::UserKey;
use super::facts::{Delivery, Listed, Presentation, RefreshLease};
use crate::flow::ports::{SessionId, UnixTime};

/// A cookie that was offered longer ago has reached the browser, if it ever will.
const OFFER_SECONDS: u64 = 2;
/// Seconds between two searches for entries that have expired.
const SWEEP_SECONDS: u64 = 30;

/// Where a session's newest generation is.
pub(super) enum State<H> {
    /// In the browser.
    Shown,
    /// Here, because the browser has not presented it yet.
    Held {
        /// What it is.
        held: H,
        /// Since when answers carry it.
        offered_at: Option<UnixTime>,
    },
    /// The session has ended.
    Ended,
}

/// What the registry knows about a presented cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Presented<H> {
    /// Nothing.
    Unknown,
    /// It is of the newest generation.
    Newest {
        /// Whether it may be refreshed.
        lease: RefreshLease,
        /// What counts for all its cookies.
        latest: Latest,
    },
    /// There is a newer generation, here.
    Newer {
        /// What it is.
        held: H,
        /// Whether it may be refreshed.
        lease: RefreshLease,
        /// What counts for all its cookies.
        latest: Latest,
    },
    /// There is a newer generation, and the browser has it: this one is good until its tokens expire.
    Older {
        /// What counts for all its cookies.
        latest: Latest,
    },
    /// The session has ended.
    Ended,
}

/// What counts for all cookies of a session, old ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Latest {
    /// When the user was last active.
    pub(in crate::session) active_at: UnixTime,
    /// The last doubt (see `provider_marks`) that its tokens answer.
    pub(in crate::session) answered: u64,
}

/// One session.
pub(super) struct Entry<H> {
    state: State<H>,
    generation: u64,
    ends_at: UnixTime,
    active_at: UnixTime,
    /// The last doubt that its tokens answer.
    answered: u64,
    /// The last doubt that the refresh in progress will answer.
    answering: u64,
    lease: RefreshLease,
    user: UserKey,
}

impl<H: Clone> Entry<H> {
    pub(super) fn new(listed: Listed<'_>, lease: RefreshLease, user: UserKey) -> Self {
        let Listed { generation, ends_at, active_at, .. } = listed;
        let (answered, answering) = (0, 0);
        Self { state: State::Shown, generation, ends_at, active_at, answered, answering, lease, user }
    }

    /// The newest generation, if the browser has not presented it.
    pub(super) fn held(&self) -> Option<H> {
        match &self.state {
            State::Held { held, .. } => Some(held.clone()),
            State::Shown | State::Ended => None,
        }
    }

    /// Ends it, until none of its cookies could be valid; returns the user if it had not ended before.
    pub(super) fn end(&mut self, ends_at: UnixTime) -> Option<UserKey> {
        self.ends_at = self.ends_at.max(ends_at);
        let lived = !self.has_ended();
        self.state = State::Ended;
        lived.then_some(self.user)
    }

    /// What the counts need when the entry is removed.
    pub(super) fn gone(&self) -> Gone {
        Gone { user: self.user, had_ended: self.has_ended() }
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    pub(super) fn record_presented(&mut self, listed: Listed<'_>, look: Presentation) -> Presented<H> {
        let Presentation { now, active, idle, unknown_lease } = look;
        let active_at = self.active_at.max(listed.active_at);
        // A request after the idle time does not revive the session.
        let is_back_in_time = idle.is_none_or(|idle| now < active_at.plus(idle));
        self.active_at = if active && is_back_in_time { active_at.max(now) } else { active_at };
        self.ends_at = self.ends_at.max(listed.ends_at);
        if self.has_ended() {
            return Presented::Ended;
        }
        let latest = Latest { active_at, answered: self.answered };
        let generation = listed.generation;
        if generation >= self.generation {
            // A greater one comes from another process with the same keys.
            if generation > self.generation {
                (self.generation, self.lease) = (generation, unknown_lease);
            }
            self.state = State::Shown;
            return Presented::Newest { lease: self.lease, latest };
        }
        match &mut self.state {
            State::Held { held, offered_at } => {
                offered_at.get_or_insert(now);
                Presented::Newer { held: held.clone(), lease: self.lease, latest }
            }
            State::Shown | State::Ended => Presented::Older { latest },
        }
    }

    pub(super) fn answer(&mut self, doubt: u64) {
        self.answered = doubt;
    }

    pub(super) fn try_lease(&mut self, generation: u64, doubt: u64, now: UnixTime) -> bool {
        let free = match self.lease {
            RefreshLease::Available => true,
            RefreshLease::RetryAt(then) => then <= now,
            RefreshLease::Held | RefreshLease::TokenSpent => false,
        };
        let may = free && generation == self.generation && !self.has_ended();
        if may {
            self.lease = RefreshLease::Held;
            self.answering = doubt;
        }
        may
    }

    fn is_leased(&self, generation: u64) -> bool {
        self.lease == RefreshLease::Held && generation == self.generation && !self.has_ended()
    }

    /// `listed` is the new generation, with its lease; whoever says so has that of the one before.
    pub(super) fn commit(
        &mut self,
        listed: Listed<'_>,
        (held, lease): (H, RefreshLease),
        now: UnixTime,
    ) -> Option<Delivery> {
        if !self.is_leased(listed.generation.checked_sub(1)?) {
            return None;
        }
        let offered = match self.state {
            State::Held { offered_at, .. } => offered_at,
            State::Shown | State::Ended => None,
        };
        self.state = State::Held { held, offered_at: None };
        self.generation = listed.generation;
        self.ends_at = self.ends_at.max(listed.ends_at);
        self.answered = self.answering;
        self.lease = lease;
        let in_vain = offered.is_some_and(|offered| offered.0 + OFFER_SECONDS <= now.0);
        Some(if in_vain { Delivery::InVain } else { Delivery::Fine })
    }

    /// Returns the user if this ended it.
    pub(super) fn end_after_refresh(&mut self, generation: u64) -> Option<UserKey> {
        if self.is_leased(generation) { self.end(self.ends_at) } else { None }
    }

    pub(super) fn release(&mut self, generation: u64, lease: RefreshLease) {
        if self.is_leased(generation) {
            self.lease = lease;
        }
    }
}

/// An entry that was removed.
pub(super) struct Gone {
    pub(super) user: UserKey,
    pub(super) had_ended: bool,
}

/// A part of the sessions.
pub(super) struct Shard<H> {
    pub(super) entries: HashMap<SessionId, Entry<H>, BuildHasherDefault<IdHasher>>,
    next_sweep: u64,
}

impl<H> Default for Shard<H> {
    fn default() -> Self {
        Self { entries: HashMap::default(), next_sweep: 0 }
    }
}

impl<H: Clone> Shard<H> {
    /// Removes expired entries at intervals; returns how many.
    pub(super) fn sweep(&mut self, now: UnixTime, mut gone: impl FnMut(Gone)) -> usize {
        // A time far ahead comes from a clock that was set back since.
        if now.0 < self.next_sweep && self.next_sweep <= now.0 + SWEEP_SECONDS {
            return 0;
        }
        self.next_sweep = now.0 + SWEEP_SECONDS;
        let before = self.entries.len();
        self.entries.retain(|_, entry| {
            let keep = entry.ends_at > now;
            if !keep {
                gone(entry.gone());
            }
            keep
        });
        before - self.entries.len()
    }
}

/// Ids are random already, and no client can choose one.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    }
}
