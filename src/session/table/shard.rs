//! What is known of one session, and how does it change?

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::super::persons::Person;
use super::{Delivery, Listed, Look};
use crate::flow::ports::{SessionId, UnixTime};

/// An offer that is older has reached the browser, if it ever will.
const OFFER_SECONDS: u64 = 2;
/// Between two looks for entries that are over.
const SWEEP_SECONDS: u64 = 30;

/// Where a session's newest generation is.
pub(super) enum State<H> {
    /// In the browser.
    Shown,
    /// Here, because the browser has not shown it yet.
    Held {
        /// What it is.
        held: H,
        /// Since when answers carry it.
        offered_at: Option<UnixTime>,
    },
    /// The session is over.
    Ended,
}

/// Whether the newest refresh token may be sent to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Turn {
    /// By whoever asks first.
    Free,
    /// Somebody does.
    Taken,
    /// Not before.
    NotBefore(UnixTime),
    /// Never again: it may have been used up.
    Spent,
}

/// What the table says about a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Seen<H> {
    /// Nothing.
    Unknown,
    /// It is the newest.
    Newest {
        /// Whether it may be renewed.
        turn: Turn,
        /// What counts for all its cookies.
        latest: Latest,
    },
    /// There is a newer one, here.
    Newer {
        /// What it is.
        held: H,
        /// Whether it may be renewed.
        turn: Turn,
        /// What counts for all its cookies.
        latest: Latest,
    },
    /// There is a newer one, and the browser has it: this one is good until its tokens end.
    Older {
        /// What counts for all its cookies.
        latest: Latest,
    },
    /// The session is over.
    Ended,
}

/// What counts for all cookies of a session, old ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Latest {
    /// When the user was last active.
    pub(in crate::session) active_at: UnixTime,
    /// The last doubt (see `ended`) that its tokens answer.
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
    /// The last doubt that the renewal in progress will answer.
    answering: u64,
    turn: Turn,
    person: Person,
}

impl<H: Clone> Entry<H> {
    pub(super) fn new(listed: Listed<'_>, turn: Turn, person: Person) -> Self {
        let Listed { generation, ends_at, active_at, .. } = listed;
        let (answered, answering) = (0, 0);
        Self { state: State::Shown, generation, ends_at, active_at, answered, answering, turn, person }
    }

    /// The newest generation, where the browser has not shown it.
    pub(super) fn held(&self) -> Option<H> {
        match &self.state {
            State::Held { held, .. } => Some(held.clone()),
            State::Shown | State::Ended => None,
        }
    }

    /// Ends it, for as long as one of its cookies could be believed; whose it was, where it had not ended before.
    pub(super) fn end(&mut self, ends_at: UnixTime) -> Option<Person> {
        self.ends_at = self.ends_at.max(ends_at);
        let lived = !self.has_ended();
        self.state = State::Ended;
        lived.then_some(self.person)
    }

    /// What is left to say when its entry goes.
    pub(super) fn gone(&self) -> Gone {
        Gone { person: self.person, had_ended: self.has_ended() }
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    pub(super) fn see(&mut self, listed: Listed<'_>, look: Look) -> Seen<H> {
        let Look { now, active, idle } = look;
        let active_at = self.active_at.max(listed.active_at);
        // Who comes after the idle time is not there again: that takes a sign-in.
        let is_back_in_time = idle.is_none_or(|idle| now < active_at.plus(idle));
        self.active_at = if active && is_back_in_time { active_at.max(now) } else { active_at };
        self.ends_at = self.ends_at.max(listed.ends_at);
        if self.has_ended() {
            return Seen::Ended;
        }
        let latest = Latest { active_at, answered: self.answered };
        let generation = listed.generation;
        if generation >= self.generation {
            // A greater one is of another process with the same keys.
            if generation > self.generation {
                (self.generation, self.turn) = (generation, Turn::Free);
            }
            self.state = State::Shown;
            return Seen::Newest { turn: self.turn, latest };
        }
        match &mut self.state {
            State::Held { held, offered_at } => {
                offered_at.get_or_insert(now);
                Seen::Newer { held: held.clone(), turn: self.turn, latest }
            }
            State::Shown | State::Ended => Seen::Older { latest },
        }
    }

    pub(super) fn answer(&mut self, doubt: u64) {
        self.answered = doubt;
    }

    pub(super) fn take_turn(&mut self, generation: u64, doubt: u64, now: UnixTime) -> bool {
        let free = match self.turn {
            Turn::Free => true,
            Turn::NotBefore(then) => then <= now,
            Turn::Taken | Turn::Spent => false,
        };
        let may = free && generation == self.generation && !self.has_ended();
        if may {
            self.turn = Turn::Taken;
            self.answering = doubt;
        }
        may
    }

    fn holds_turn(&self, generation: u64) -> bool {
        self.turn == Turn::Taken && generation == self.generation && !self.has_ended()
    }

    /// `listed` is the new generation, with its turn; whoever says so has that of the one before.
    pub(super) fn renew(
        &mut self,
        listed: Listed<'_>,
        (held, turn): (H, Turn),
        now: UnixTime,
    ) -> Option<Delivery> {
        if !self.holds_turn(listed.generation.checked_sub(1)?) {
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
        self.turn = turn;
        let in_vain = offered.is_some_and(|offered| offered.0 + OFFER_SECONDS <= now.0);
        Some(if in_vain { Delivery::InVain } else { Delivery::Fine })
    }

    /// Whose it was, where that ended it.
    pub(super) fn give_up(&mut self, generation: u64) -> Option<Person> {
        if self.holds_turn(generation) { self.end(self.ends_at) } else { None }
    }

    pub(super) fn give_back(&mut self, generation: u64, turn: Turn) {
        if self.holds_turn(generation) {
            self.turn = turn;
        }
    }
}

/// An entry that is over.
pub(super) struct Gone {
    pub(super) person: Person,
    pub(super) had_ended: bool,
}

/// Some of the sessions.
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
    /// Forgets what is over, now and then; how many that were.
    pub(super) fn sweep(&mut self, now: UnixTime, mut gone: impl FnMut(Gone)) -> usize {
        // Far ahead lies what a clock said that was set back.
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

/// Ids are random already, and nobody can choose one.
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
