//! The registry: the sessions that this process began, refreshed or ended
//!
//! 1. Every session has an entry from its sign-in to its end: none is removed before, and none is kept longer.
//! 2. The result of a refresh is kept until the browser has presented it; after that the generation's number is enough.
//! 3. One exchange at a time: the lease of a generation has one holder, until it is committed or released.
//! 4. Generations only grow, and an ended session stays ended, whatever comes late.
//! 5. If the registry is full, new sign-ins are refused; no other session is removed.

mod entry;
mod facts;

use self::entry::{Entry, Gone, Shard};
pub(super) use self::entry::{Latest, Presented};
pub(super) use self::facts::{Delivery, Listed, Presentation, RefreshLease};
use super::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};
use super::users::Users;
use crate::flow::ports::{Full, SessionId, UnixTime};

/// Checks of sessions in different shards do not wait for each other.
const SHARDS: usize = 64;

/// How many sessions are kept.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Sign-ins are refused from here on; as many again are kept for sessions that an earlier process began.
    pub sessions: usize,
    /// The same for one user.
    pub per_user: usize,
}

/// The registry; `H` is the result of a refresh.
pub(super) struct Registry<H> {
    shards: Box<[Mutex<Shard<H>>]>,
    users: Users,
    len: AtomicUsize,
    room: Room,
}

impl<H: Clone> Registry<H> {
    /// An empty registry.
    pub(super) fn new(room: Room) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            users: Users::default(),
            len: AtomicUsize::new(0),
            room,
        }
    }

    fn shard(&self, id: SessionId) -> Option<MutexGuard<'_, Shard<H>>> {
        let shard = self.shards.get(usize::from(id.0[0]) % SHARDS)?;
        // No change of an entry can panic, so the entries are whole.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new session's entry, whose tokens answer all doubts up to `answered`.
    pub(super) fn begin(&self, listed: Listed<'_>, answered: u64, now: UnixTime) -> Result<(), Full> {
        let mut shard = self.shard(listed.id).ok_or(Full::Sessions)?;
        self.make_room(&mut shard, now);
        self.insert(&mut shard, listed, self.room, RefreshLease::Available)?;
        if let Some(entry) = shard.entries.get_mut(&listed.id) {
            entry.answer(answered);
        }
        Ok(())
    }

    /// Records that a cookie was presented, and returns what is known of its session.
    pub(super) fn record_presented(&self, listed: Listed<'_>, look: Presentation) -> Presented<H> {
        let Some(mut shard) = self.shard(listed.id) else { return Presented::Ended };
        shard
            .entries
            .get_mut(&listed.id)
            .map_or(Presented::Unknown, |entry| entry.record_presented(listed, look))
    }

    /// Takes the lease to renew a session, if nobody has it and its newest generation is the one that was seen. `doubt` is
    /// the last one that the renewal will answer.
    pub(super) fn try_lease(&self, listed: Listed<'_>, doubt: u64, now: UnixTime) -> bool {
        let Some(mut shard) = self.shard(listed.id) else { return false };
        if !shard.entries.contains_key(&listed.id)
            && !self.admit(&mut shard, listed, RefreshLease::Available, now)
        {
            return false;
        }
        shard.entries.get_mut(&listed.id).is_some_and(|entry| entry.try_lease(listed.generation, doubt, now))
    }

    /// Ends a lease with what it brought, and when that may be renewed: whether it counts, and whether the browser had been
    /// offered the last one in vain.
    pub(super) fn commit(
        &self,
        listed: Listed<'_>,
        new: (H, RefreshLease),
        now: UnixTime,
    ) -> Option<Delivery> {
        let mut shard = self.shard(listed.id)?;
        shard.entries.get_mut(&listed.id)?.commit(listed, new, now)
    }

    /// Ends a lease that brought nothing.
    pub(super) fn release(&self, id: SessionId, generation: u64, lease: RefreshLease) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.entries.get_mut(&id)
        {
            entry.release(generation, lease);
        }
    }

    /// Ends the session whose lease one has: whoever has it no more says nothing about the session.
    pub(super) fn end_after_refresh(&self, id: SessionId, generation: u64) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.entries.get_mut(&id)
            && let Some(user) = entry.end_after_refresh(generation)
        {
            self.users.end(user);
        }
    }

    /// The newest generation of a session, if the browser has not presented it.
    pub(super) fn held(&self, id: SessionId) -> Option<H> {
        self.shard(id)?.entries.get(&id)?.held()
    }

    /// Ends a session, also one of an earlier process. `false` if there is no room to record it.
    pub(super) fn end(&self, listed: Listed<'_>, now: UnixTime) -> bool {
        let Some(mut shard) = self.shard(listed.id) else { return false };
        if !shard.entries.contains_key(&listed.id)
            && !self.admit(&mut shard, listed, RefreshLease::Available, now)
        {
            return false;
        }
        if let Some(user) = shard.entries.get_mut(&listed.id).and_then(|entry| entry.end(listed.ends_at)) {
            self.users.end(user);
        }
        true
    }

    /// How many sessions are known.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Lists a session that an earlier process began, and remembers that its cookie came.
    pub(super) fn adopt(&self, listed: Listed<'_>, look: Presentation) {
        let Some(mut shard) = self.shard(listed.id) else { return };
        if !shard.entries.contains_key(&listed.id) {
            self.admit(&mut shard, listed, look.unknown_lease, look.now);
        }
        if let Some(entry) = shard.entries.get_mut(&listed.id) {
            entry.record_presented(listed, look);
        }
    }

    fn admit(&self, shard: &mut Shard<H>, listed: Listed<'_>, lease: RefreshLease, now: UnixTime) -> bool {
        self.make_room(shard, now);
        let room = Room { sessions: self.room.sessions.saturating_mul(2), per_user: usize::MAX };
        self.insert(shard, listed, room, lease).is_ok()
    }

    /// Room is checked and taken in one step: sessions begin in other shards meanwhile.
    fn insert(
        &self,
        shard: &mut Shard<H>,
        listed: Listed<'_>,
        room: Room,
        lease: RefreshLease,
    ) -> Result<(), Full> {
        let one_more = |len: usize| (len < room.sessions).then_some(len + 1);
        self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).map_err(|_| Full::Sessions)?;
        let Some(user) = self.users.add(listed.subject, room.per_user) else {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::User);
        };
        if let Some(old) = shard.entries.insert(listed.id, Entry::new(listed, lease, user)) {
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
            self.users.end(gone.user);
        }
        self.users.forget(gone.user);
    }
}

#[cfg(test)]
mod tests;
