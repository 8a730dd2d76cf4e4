//! What does this process know of the sessions it began, renewed or ended?
//!
//! 1. Every session has an entry from its sign-in to its end: nothing is forgotten before, and nothing later is kept.
//! 2. What a renewal brought is held until the browser has shown it; after that the number of the generation is enough.
//! 3. One exchange at a time: who gets the turn of a generation has it alone, and gives it back by saying how it went.
//! 4. Generations only grow, and an ended session stays ended, whatever comes late.
//! 5. Full means that new sign-ins are refused, never that somebody else's session is forgotten.

mod shard;

use std::time::Duration;

use self::shard::{Entry, Gone, Shard};
pub(super) use self::shard::{Latest, Seen, Turn};
use super::persons::Persons;
use super::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};
use crate::flow::ports::{Full, SessionId, UnixTime};

/// So many checks at once find the table without waiting for each other.
const SHARDS: usize = 64;

/// How much the table may hold.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Sign-ins are refused from here on; as many again are kept for sessions that an earlier process began.
    pub sessions: usize,
    /// The same for one person.
    pub per_person: usize,
}

/// A session, as far as the table needs to know it.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    /// Which.
    pub(super) id: SessionId,
    /// Which of its cookies.
    pub(super) generation: u64,
    /// Whose.
    pub(super) subject: &'a str,
    /// When nothing of it can be used any more.
    pub(super) ends_at: UnixTime,
    /// When the user was active, as far as its cookie knows.
    pub(super) active_at: UnixTime,
}

/// How a cookie came.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// When.
    pub(super) now: UnixTime,
    /// Whether it shows that the person is there.
    pub(super) active: bool,
    /// How long a session lives without the person.
    pub(super) idle: Option<Duration>,
}

/// The table; `H` is what a renewal brought.
pub(super) struct Table<H> {
    shards: Box<[Mutex<Shard<H>>]>,
    persons: Persons,
    len: AtomicUsize,
    room: Room,
}

impl<H: Clone> Table<H> {
    /// An empty table.
    pub(super) fn new(room: Room) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            persons: Persons::default(),
            len: AtomicUsize::new(0),
            room,
        }
    }

    fn shard(&self, id: SessionId) -> Option<MutexGuard<'_, Shard<H>>> {
        let shard = self.shards.get(usize::from(id.0[0]) % SHARDS)?;
        // What panicked was not the change of an entry, which cannot panic: the entries are whole.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new session's entry, whose tokens answer all doubts up to `answered`.
    pub(super) fn begin(&self, listed: Listed<'_>, answered: u64, now: UnixTime) -> Result<(), Full> {
        let mut shard = self.shard(listed.id).ok_or(Full::Table)?;
        self.make_room(&mut shard, now);
        self.insert(&mut shard, listed, self.room, Turn::Free)?;
        if let Some(entry) = shard.entries.get_mut(&listed.id) {
            entry.answer(answered);
        }
        Ok(())
    }

    /// What is known about the session of a cookie; that the cookie came is remembered where it says something.
    pub(super) fn see(&self, listed: Listed<'_>, look: Look) -> Seen<H> {
        let Some(mut shard) = self.shard(listed.id) else { return Seen::Ended };
        shard.entries.get_mut(&listed.id).map_or(Seen::Unknown, |entry| entry.see(listed, look))
    }

    /// Takes the turn to renew a session, if nobody has it and its newest generation is the one that was seen. `doubt` is
    /// the last one that the renewal will answer.
    pub(super) fn take_turn(&self, listed: Listed<'_>, doubt: u64, now: UnixTime) -> bool {
        let Some(mut shard) = self.shard(listed.id) else { return false };
        if !shard.entries.contains_key(&listed.id) && !self.admit(&mut shard, listed, Turn::Free, now) {
            return false;
        }
        shard.entries.get_mut(&listed.id).is_some_and(|entry| entry.take_turn(listed.generation, doubt, now))
    }

    /// Ends a turn with what it brought, and when that may be renewed: whether it counts, and whether the browser had been
    /// offered the last one in vain.
    pub(super) fn renew(&self, listed: Listed<'_>, new: (H, Turn), now: UnixTime) -> Option<Delivery> {
        let mut shard = self.shard(listed.id)?;
        shard.entries.get_mut(&listed.id)?.renew(listed, new, now)
    }

    /// Ends a turn that brought nothing.
    pub(super) fn give_back(&self, id: SessionId, generation: u64, turn: Turn) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.entries.get_mut(&id)
        {
            entry.give_back(generation, turn);
        }
    }

    /// Ends the session whose turn one has: whoever has it no more says nothing about the session.
    pub(super) fn give_up(&self, id: SessionId, generation: u64) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.entries.get_mut(&id)
            && let Some(person) = entry.give_up(generation)
        {
            self.persons.end(person);
        }
    }

    /// The newest generation of a session, where the browser has not shown it.
    pub(super) fn held(&self, id: SessionId) -> Option<H> {
        self.shard(id)?.entries.get(&id)?.held()
    }

    /// Ends a session; one of an earlier process is remembered, too. `false` where there is no room to remember it.
    pub(super) fn end(&self, listed: Listed<'_>, now: UnixTime) -> bool {
        let Some(mut shard) = self.shard(listed.id) else { return false };
        if !shard.entries.contains_key(&listed.id) && !self.admit(&mut shard, listed, Turn::Free, now) {
            return false;
        }
        if let Some(person) = shard.entries.get_mut(&listed.id).and_then(|entry| entry.end(listed.ends_at)) {
            self.persons.end(person);
        }
        true
    }

    /// How many sessions are known.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Lists a session that an earlier process began, with what is known of its turn, and remembers that its cookie came.
    pub(super) fn adopt(&self, listed: Listed<'_>, turn: Turn, look: Look) {
        let Some(mut shard) = self.shard(listed.id) else { return };
        if !shard.entries.contains_key(&listed.id) {
            self.admit(&mut shard, listed, turn, look.now);
        }
        if let Some(entry) = shard.entries.get_mut(&listed.id) {
            entry.see(listed, look);
        }
    }

    fn admit(&self, shard: &mut Shard<H>, listed: Listed<'_>, turn: Turn, now: UnixTime) -> bool {
        self.make_room(shard, now);
        let room = Room { sessions: self.room.sessions.saturating_mul(2), per_person: usize::MAX };
        self.insert(shard, listed, room, turn).is_ok()
    }

    /// Asking for room and taking it is one step: sessions begin in other shards meanwhile.
    fn insert(&self, shard: &mut Shard<H>, listed: Listed<'_>, room: Room, turn: Turn) -> Result<(), Full> {
        let one_more = |len: usize| (len < room.sessions).then_some(len + 1);
        self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).map_err(|_| Full::Table)?;
        let Some(person) = self.persons.add(listed.subject, room.per_person) else {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Person);
        };
        if let Some(old) = shard.entries.insert(listed.id, Entry::new(listed, turn, person)) {
            self.uncount(&old.gone());
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn make_room(&self, shard: &mut Shard<H>, now: UnixTime) {
        let gone = shard.sweep(now, |gone| self.uncount(&gone));
        self.len.fetch_sub(gone, Ordering::Relaxed);
    }

    fn uncount(&self, gone: &Gone) {
        if !gone.had_ended {
            self.persons.end(gone.person);
        }
        self.persons.forget(gone.person);
    }
}

/// What became of the generation before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The browser has shown it, or there was no time to.
    Fine,
    /// It was offered again and again, and the browser still shows an older one.
    InVain,
}

#[cfg(test)]
mod tests;
