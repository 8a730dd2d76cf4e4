//! Leases, and new tokens in the row

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{MAX_RECORD_BYTES, TicketStore};
use crate::access::identity::Identity;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{
    BeginError, Commit, Lease, Refreshable, Refreshed, Release, StoreUnavailable, UnixTime,
};
use crate::session::codec::contents::RefreshedContents;
use crate::session::codec::layout::Contents;
use crate::session::codec::ticket::{TICKET_LEN, Ticket};
use crate::session::records::{LeaseState, RecordId, Records, Row, Swapped};
use crate::session::registry::RefreshLease;
use crate::session::usable::next_lease;

/// How long a lease lasts. It is longer than any exchange with the provider.
pub const LEASE_TIME: Duration = Duration::from_mins(6);
/// How long the result of an exchange is tried to be recorded: less than the lease, minus any exchange.
const RECORD_TIME: Duration = Duration::from_mins(4);
/// The pauses between two tries begin with the first, and double up to the last.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(2);
/// How often a write is tried again because another one came first.
const MAX_TRIES: u32 = 5;

/// How often the activity of a user is recorded if no idle time depends on it.
const TOUCH_STEP: Duration = Duration::from_mins(5);

/// What a write does with the row that it finds.
enum Change<T> {
    /// Writes the row.
    Write(Row, T),
    /// Writes nothing.
    Leave(T),
}

impl<R: Records> TicketStore<R> {
    /// Changes a row. Returns `None` if there is no row.
    async fn change<T>(
        &self,
        id: RecordId,
        now: UnixTime,
        change: impl Fn(&Row) -> Change<T>,
    ) -> Result<Option<T>, StoreUnavailable> {
        for _ in 0..MAX_TRIES {
            let Some(row) = self.find(id, now).await? else { return Ok(None) };
            let (row, result) = match change(&row) {
                Change::Leave(result) => return Ok(Some(result)),
                Change::Write(changed, result) => {
                    (Row { revision: row.revision.saturating_add(1), ..changed }, result)
                }
            };
            match self.wrote(self.records.compare_and_swap(&row).await)? {
                Swapped::Stored => {
                    if row.was_ended() {
                        self.cache.forget(id, now);
                    } else {
                        self.cache.keep(Arc::new(row), now);
                    }
                    return Ok(Some(result));
                }
                Swapped::Gone => {
                    self.cache.forget(id, now);
                    return Ok(None);
                }
                Swapped::Changed => {}
            }
        }
        Err(StoreUnavailable)
    }

    /// As [`Sessions::lease`](crate::flow::ports::Sessions::lease).
    pub(super) async fn acquire(&self, session: Refreshable, now: UnixTime) -> Option<Lease> {
        let until = now.plus(LEASE_TIME);
        let fence = self.leases.next_fence();
        let acquired = self.change(RecordId(session.id.0), now, |row| {
            let is_takeover = self.is_abandoned(row.lease, now) && !self.is_unused(row.lease);
            if !self.lease_of(row, now).is_available(now) || row.generation != session.generation {
                return Change::Leave(None);
            }
            let lease = LeaseState::Held { fence, process: self.process, until: until.0 };
            Change::Write(Row { lease, ..row.clone() }, Some(is_takeover))
        });
        let Ok(acquired) = acquired.await else {
            self.leases.add(fence, until, now);
            return None;
        };
        let is_takeover = acquired??;
        Some(Lease { session, fence, is_takeover })
    }

    /// As [`Sessions::commit`](crate::flow::ports::Sessions::commit).
    pub(super) async fn commit_tokens(
        &self,
        lease: &Lease,
        refreshed: &Refreshed,
        user: Option<(&Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> Result<Commit, BeginError> {
        let session = &lease.session;
        let opened = session.contents.split_at_checked(TICKET_LEN).and_then(|(ticket, contents)| {
            let keys = Ticket::from_bytes(ticket)?.keys(&self.keys)?;
            Some((keys, Contents::read(contents)?, self.places.of(&session.origin)?))
        });
        let Some((keys, old, place)) = opened else { return Ok(Commit::TooLate) };
        let encoded = self.sealing(now).encode_refreshed(&old, refreshed, user, session.active_at);
        let RefreshedContents { contents, ends_at, has_new_end } =
            encoded.ok_or_else(|| self.too_large(usize::MAX))?;
        let sealed = keys.seal(&place.binding, &contents, &*self.entropy)?;
        if sealed.len() > MAX_RECORD_BYTES {
            return Err(self.too_large(sealed.len()));
        }
        let sealed: Arc<[u8]> = sealed.into();
        let next = lease_state(next_lease(&self.settings.lifetimes, refreshed, has_new_end, now));
        let commit = |row: &Row, is_retry: bool| {
            if row.sealed == sealed || (is_retry && row.generation > session.generation) {
                // The store recorded an earlier try, whose answer did not arrive. Another refresh may have followed.
                return Change::Leave(Commit::Committed { last_was_not_delivered: false });
            }
            if !self.is_held(row, lease) {
                return Change::Leave(Commit::TooLate);
            }
            let changed = Row {
                generation: row.generation.saturating_add(1),
                lease: next,
                active_at: row.active_at.max(session.active_at.0),
                ends_at: ends_at.0,
                sealed: Arc::clone(&sealed),
                ..row.clone()
            };
            Change::Write(changed, Commit::Committed { last_was_not_delivered: false })
        };
        let committed = self.record(RecordId(session.id.0), now, commit).await?;
        Ok(committed.unwrap_or(Commit::TooLate))
    }

    /// As [`Sessions::release`](crate::flow::ports::Sessions::release). If the store fails, the lease ends by itself.
    pub(super) async fn give_back(&self, lease: &Lease, how: Release, now: UnixTime) {
        let id = RecordId(lease.session.id.0);
        let release = |row: &Row, _| {
            if !self.is_held(row, lease) {
                return Change::Leave(false);
            }
            match how {
                Release::RetryAt(then) => {
                    Change::Write(Row { lease: LeaseState::RetryAt(then.0), ..row.clone() }, false)
                }
                Release::TokenSpent => {
                    Change::Write(Row { lease: LeaseState::TokenSpent, ..row.clone() }, false)
                }
                // A row that was ended counts as none, even if its removal fails.
                Release::SessionEnded => Change::Write(Row { ends_at: 0, ..row.clone() }, true),
            }
        };
        let released = match how {
            // A lease that is never returned says the same to its next holder.
            Release::TokenSpent => self.change(id, now, |row| release(row, false)).await,
            Release::RetryAt(_) | Release::SessionEnded => self.record(id, now, release).await,
        };
        if let Ok(Some(true)) = released {
            let _removed = self.wrote(self.records.remove(id).await);
        }
    }

    /// Changes a row that only this process may change. Tries again while the store fails, because what the provider
    /// answered exists nowhere else. `change` learns whether an earlier try may have been recorded.
    async fn record<T>(
        &self,
        id: RecordId,
        now: UnixTime,
        change: impl Fn(&Row, bool) -> Change<T>,
    ) -> Result<Option<T>, StoreUnavailable> {
        let (mut delay, mut is_retry) = (FIRST_DELAY, false);
        let recorded = async {
            loop {
                if let Ok(result) = self.change(id, now, |row| change(row, is_retry)).await {
                    return result;
                }
                sleep(delay).await;
                (delay, is_retry) = ((delay * 2).min(LAST_DELAY), true);
            }
        };
        timeout(RECORD_TIME, recorded).await.map_err(|_| StoreUnavailable)
    }

    /// Returns whether a row names this lease.
    fn is_held(&self, row: &Row, lease: &Lease) -> bool {
        matches!(row.lease, LeaseState::Held { fence, process, .. }
            if fence == lease.fence && process == self.process)
    }

    /// Reads a row. Records that the user was active, but not for a small part of the idle time.
    pub(super) async fn find_and_touch(
        &self,
        id: RecordId,
        active_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<Option<Arc<Row>>, StoreUnavailable> {
        let found = self.find(id, now).await?;
        let (Some(row), Some(active_at)) = (&found, active_at) else { return Ok(found) };
        let idle = self.settings.lifetimes.idle;
        if !is_touch_due(row, idle, active_at) {
            return Ok(found);
        }
        let touched = self.change(id, now, |row| {
            if !is_touch_due(row, idle, active_at) {
                return Change::Leave(row.clone());
            }
            let touched = Row { active_at: active_at.0, ..row.clone() };
            Change::Write(touched.clone(), touched)
        });
        // The session goes on if only the write failed.
        Ok(touched.await.map_or(found, |row| row.map(Arc::new)))
    }

    pub(super) fn too_large(&self, bytes: usize) -> BeginError {
        let has_id_token = self.settings.keeps_id_token;
        BeginError::TooLarge { bytes, limit: MAX_RECORD_BYTES, has_id_token }
    }
}

/// Returns whether the store must record that the user was active.
///
/// Without an idle time, the user's list of sessions still shows the last use.
pub(super) fn is_touch_due(row: &Row, idle: Option<Duration>, active_at: UnixTime) -> bool {
    let last = UnixTime(row.active_at);
    let step = idle.map_or(TOUCH_STEP, |idle| Duration::from_mins(1).min(idle / 10));
    last.plus(step) <= active_at && idle.is_none_or(|idle| active_at < last.plus(idle))
}

fn lease_state(lease: RefreshLease) -> LeaseState {
    match lease {
        RefreshLease::Available | RefreshLease::Held => LeaseState::Available,
        RefreshLease::RetryAt(then) => LeaseState::RetryAt(then.0),
        RefreshLease::TokenSpent => LeaseState::TokenSpent,
    }
}
