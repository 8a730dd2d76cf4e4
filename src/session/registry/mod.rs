//! Registry of the sessions that this process began, refreshed or ended
//!
//! 1. Every session has an entry from its sign-in to its end. None is removed before, and none is kept longer.
//! 2. The result of a refresh is kept until the browser has presented it, and for a minute more, because requests with an
//!    older cookie may be on their way. After that, the generation's number is enough.
//! 3. A session has one refresh at a time: the lease of a generation has one holder, until it is committed or released.
//! 4. Generations only increase. An ended session stays ended, also if a cookie or a result arrives later.
//! 5. If the registry is full, new sign-ins are rejected. No other session is removed.

mod entry;
mod facts;
mod shard;

use self::entry::{Entry, RemovedEntry};
pub(super) use self::entry::{Latest, Presented};
pub(super) use self::facts::{Delivery, Listed, Presentation, RefreshLease};
use self::shard::Shard;
use super::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};
use super::users::Users;
use crate::flow::ports::{Full, SessionId, Standing, UnixTime};

/// Checks of sessions in different shards do not wait for each other.
const SHARDS: usize = 64;

/// Maximum numbers of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Sign-ins are rejected at this number. There is room for as many again that an earlier process began.
    pub sessions: usize,
    /// Sign-ins of one user are rejected at this number.
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
        // No change of an entry can panic, so no entry is half-changed.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records a new session, whose tokens answer all doubts up to `answered`.
    pub(super) fn begin(&self, listed: Listed<'_>, answered: u64, now: UnixTime) -> Result<(), Full> {
        let mut shard = self.shard(listed.id).ok_or(Full::Sessions)?;
        self.make_room(&mut shard, now);
        self.insert(&mut shard, listed, self.room, RefreshLease::Available)?;
        if let Some(entry) = shard.entries.get_mut(&listed.id) {
            entry.set_answered(answered);
        }
        Ok(())
    }

    /// Records that a cookie was presented, and returns what is known of its session.
    pub(super) fn record_presented(&self, listed: Listed<'_>, presentation: Presentation) -> Presented<H> {
        let Some(mut shard) = self.shard(listed.id) else { return Presented::Ended };
        shard
            .entries
            .get_mut(&listed.id)
            .map_or(Presented::Unknown, |entry| entry.record_presented(listed, presentation))
    }

    /// Acquires the lease of a session, if it is available and `listed` is the newest generation.
    ///
    /// `doubt` is the last doubt that the refresh will answer.
    pub(super) fn try_lease(&self, listed: Listed<'_>, doubt: u64, now: UnixTime) -> bool {
        let Some(mut shard) = self.shard(listed.id) else { return false };
        if !shard.entries.contains_key(&listed.id)
            && !self.admit(&mut shard, listed, RefreshLease::Available, now)
        {
            return false;
        }
        shard.entries.get_mut(&listed.id).is_some_and(|entry| entry.try_lease(listed.generation, doubt, now))
    }

    /// Ends a lease with the result of the refresh and the lease of the new generation.
    ///
    /// Returns `None` if the caller does not hold the lease. Otherwise it returns whether the previous result reached
    /// the browser.
    pub(super) fn commit(
        &self,
        listed: Listed<'_>,
        new: (H, RefreshLease),
        now: UnixTime,
    ) -> Option<Delivery> {
        let mut shard = self.shard(listed.id)?;
        shard.entries.get_mut(&listed.id)?.commit(listed, new, now)
    }

    /// Ends a lease without a result, and sets when the next refresh may begin.
    pub(super) fn release(&self, id: SessionId, generation: u64, lease: RefreshLease) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.entries.get_mut(&id)
        {
            entry.release(generation, lease);
        }
    }

    /// Ends a session, if the caller holds the lease of this generation. Otherwise nothing changes.
    pub(super) fn end_after_refresh(&self, id: SessionId, generation: u64) {
        if let Some(mut shard) = self.shard(id)
            && let Some(entry) = shard.entries.get_mut(&id)
            && let Some(user) = entry.end_after_refresh(generation)
        {
            self.users.end(user);
        }
    }

    /// Returns the newest generation of a session, unless the browser has had it for some time.
    pub(super) fn recent_result(&self, id: SessionId) -> Option<H> {
        self.shard(id)?.entries.get(&id)?.recent_result()
    }

    /// Returns how long a recorded session goes on.
    pub(super) fn standing(&self, id: SessionId) -> Option<Standing> {
        Some(self.shard(id)?.entries.get(&id)?.standing())
    }

    /// Ends a session, also one of an earlier process. Returns `false` if there is no room to record it.
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

    /// Returns the number of recorded sessions.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Records a session that an earlier process began, and that its cookie was presented.
    pub(super) fn adopt(&self, listed: Listed<'_>, presentation: Presentation) {
        let Some(mut shard) = self.shard(listed.id) else { return };
        if !shard.entries.contains_key(&listed.id) {
            self.admit(&mut shard, listed, presentation.unknown_lease, presentation.now);
        }
        if let Some(entry) = shard.entries.get_mut(&listed.id) {
            entry.record_presented(listed, presentation);
        }
    }

    fn admit(&self, shard: &mut Shard<H>, listed: Listed<'_>, lease: RefreshLease, now: UnixTime) -> bool {
        self.make_room(shard, now);
        let room = Room { sessions: self.room.sessions.saturating_mul(2), per_user: usize::MAX };
        self.insert(shard, listed, room, lease).is_ok()
    }

    /// Checks and takes room in one step, because sessions begin in other shards at the same time.
    fn insert(
        &self,
        shard: &mut Shard<H>,
        listed: Listed<'_>,
        room: Room,
        lease: RefreshLease,
    ) -> Result<(), Full> {
        let next_len = |len: usize| (len < room.sessions).then_some(len + 1);
        self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next_len).map_err(|_| Full::Sessions)?;
        let Some(user) = self.users.add(listed.subject, room.per_user) else {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::User);
        };
        if let Some(old) = shard.entries.insert(listed.id, Entry::new(listed, lease, user)) {
            self.uncount(&old.removal());
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn make_room(&self, shard: &mut Shard<H>, now: UnixTime) {
        let removed = shard.sweep(now, |removed| self.uncount(&removed));
        self.len.fetch_sub(removed, Ordering::Relaxed);
    }

    fn uncount(&self, removed: &RemovedEntry) {
        if !removed.had_ended {
            self.users.end(removed.user);
        }
        self.users.forget(removed.user);
    }
}

#[cfg(test)]
mod tests;
