//! Leases, and new tokens in the row

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::changing::Change;
use super::{MAX_RECORD_BYTES, TicketStore};
use crate::access::identity::Identity;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{
    BeginError, Commit, Lease, Refreshable, Refreshed, Release, StoreUnavailable, UnixTime,
};
use crate::session::codec::contents::RefreshedContents;
use crate::session::codec::layout::Contents;
use crate::session::codec::ticket::{TICKET_LEN, Ticket};
use crate::session::records::{Holder, Kept, LeaseState, RecordId, Records, ResultVerdict, Row};
use crate::session::registry::RefreshLease;
use crate::session::usable::next_lease;

/// How long a lease lasts if its holder does not renew it: the time after which a refresh of a killed gateway counts as
/// lost. If clocks of gateways differ by more than its rest after a renewal that failed, it is taken over too early.
pub const LEASE_TIME: Duration = Duration::from_secs(15);
/// How often its holder renews it. Two renewals may fail.
const RENEW_INTERVAL: Duration = Duration::from_secs(4);
/// How often a gateway whose requests wait for the result of another one looks for it.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// How long the result of an exchange is tried to be recorded. It exists nowhere else.
const RECORD_TIME: Duration = Duration::from_mins(4);
/// The pause before the next refresh, if a lease could not be recorded.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl<R: Records> TicketStore<R> {
    /// As [`Sessions::lease`](crate::flow::ports::Sessions::lease).
    pub(super) async fn acquire(&self, session: Refreshable, now: UnixTime) -> Option<Lease> {
        let by = Holder { process: self.process, fence: self.fences.fetch_add(1, Ordering::Relaxed) };
        let (was_tried, is_takeover) = (AtomicBool::new(false), AtomicBool::new(false));
        let acquired = self.change(RecordId(session.id.0), Kept::Replicated, now, |row| {
            let times = (now, now.plus(LEASE_TIME));
            match row.lease.acquire(by, times, self.settings.is_exclusive) {
                Some(acquired) if row.generation == session.generation => {
                    was_tried.store(true, Ordering::Relaxed);
                    is_takeover.store(acquired.is_takeover, Ordering::Relaxed);
                    Change::Write(Row { lease: acquired.lease, ..row.clone() }, true)
                }
                _ => Change::Leave(false),
            }
        });
        let acquired = acquired.await;
        let lease = Lease { session, fence: by.fence, is_takeover: is_takeover.into_inner() };
        match acquired {
            Ok(Some(true)) => Some(lease),
            Err(StoreUnavailable) if was_tried.into_inner() => {
                self.give_back_unused(lease, now).await;
                None
            }
            Ok(_) | Err(StoreUnavailable) => None,
        }
    }

    /// Gives back a lease that the store may have recorded without an answer. Its token was not sent, but other gateways
    /// do not know that. So if the store fails, it is tried again, in the background.
    async fn give_back_unused(&self, lease: Lease, now: UnixTime) {
        let (id, by) = (RecordId(lease.session.id.0), self.holder_of(&lease));
        let returned = if lease.is_takeover {
            // An earlier holder may have sent the token, so the next one must know that too.
            LeaseState::Held { by, until: now.0 }
        } else {
            LeaseState::RetryAt(now.plus(RETRY_AFTER).0)
        };
        let unused = move |row: &Row| {
            if row.lease == returned {
                return Change::Leave(());
            }
            let is_held = row.lease.is_held_by(by);
            let lease = if is_held { returned } else { row.lease };
            // Otherwise, the write of the lease may still be on its way. It fails if the revision is another one.
            Change::Write(Row { lease, ..row.clone() }, ())
        };
        if self.change(id, Kept::Once, now, unused).await.is_ok() {
            return;
        }
        let (Some(this), Ok(permit)) =
            (self.this.upgrade(), Arc::clone(&self.unused_leases).try_acquire_owned())
        else {
            return;
        };
        tokio::spawn(async move {
            // The lease counts as one whose token was sent if that takes longer.
            let _given_back = this.insist(id, (Kept::Once, LEASE_TIME), now, unused).await;
            drop(permit);
        });
    }

    /// As [`Sessions::released_elsewhere`](crate::flow::ports::Sessions::released_elsewhere).
    pub(super) async fn wait_for_holder(&self, id: RecordId) {
        loop {
            let now = self.clock.now();
            match self.find(id, now).await {
                Ok(Some(row)) if self.lease_of(&row, now) == RefreshLease::Held => {
                    sleep(WATCH_INTERVAL).await;
                }
                Ok(_) | Err(StoreUnavailable) => return,
            }
        }
    }

    /// As [`Sessions::renew`](crate::flow::ports::Sessions::renew).
    pub(super) async fn renew_lease(&self, lease: &Lease) -> Infallible {
        let by = self.holder_of(lease);
        loop {
            sleep(RENEW_INTERVAL).await;
            let now = self.clock.now();
            let renewed = self.change(RecordId(lease.session.id.0), Kept::Once, now, |row| {
                if !row.lease.is_held_by(by) {
                    return Change::Leave(());
                }
                let lease = LeaseState::Held { by, until: now.plus(LEASE_TIME).0 };
                Change::Write(Row { lease, ..row.clone() }, ())
            });
            // If it fails, the next one may succeed in time.
            let _renewed = renewed.await;
        }
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
        let Some((keys, old, place)) = opened else { return Ok(Commit::Ended) };
        let encoded = self.sealing(now).encode_refreshed(&old, refreshed, user, session.active_at);
        let RefreshedContents { contents, ends_at, has_new_end } =
            encoded.ok_or_else(|| self.too_large(usize::MAX))?;
        let sealed = keys.seal(&place.binding, &contents, &*self.entropy)?;
        if sealed.len() > MAX_RECORD_BYTES {
            return Err(self.too_large(sealed.len()));
        }
        let sealed: Arc<[u8]> = sealed.into();
        let next = lease_state(next_lease(&self.settings.lifetimes, refreshed, has_new_end, now));
        let committed = Commit::Committed { last_was_not_delivered: false };
        let (id, by) = (RecordId(session.id.0), self.holder_of(lease));
        let (was_tried, is_recorded) = (AtomicBool::new(false), AtomicBool::new(false));
        let commit = |row: &Row| {
            if row.sealed == sealed {
                // An earlier try was recorded, but perhaps not on a replica. So it is written once more.
                is_recorded.store(true, Ordering::Relaxed);
                return Change::Write(row.clone(), committed);
            }
            if was_tried.load(Ordering::Relaxed) && row.generation > session.generation {
                // An earlier try may have been recorded without an answer, and another refresh may have followed.
                return Change::Leave(committed);
            }
            let at = (by, self.clock.now());
            match row.lease.judge_result(at, row.generation == session.generation) {
                ResultVerdict::Accepted => {}
                ResultVerdict::Refused => return Change::Leave(Commit::Superseded),
                ResultVerdict::Undecided => return Change::Wait,
            }
            was_tried.store(true, Ordering::Relaxed);
            let changed = Row {
                generation: session.generation.saturating_add(1),
                lease: next,
                active_at: row.active_at.max(session.active_at.0),
                ends_at: ends_at.0,
                sealed: Arc::clone(&sealed),
                ..row.clone()
            };
            Change::Write(changed, committed)
        };
        match self.insist(id, (Kept::Replicated, RECORD_TIME), now, commit).await {
            Ok(recorded) => Ok(recorded.unwrap_or(Commit::Ended)),
            Err(StoreUnavailable) if is_recorded.into_inner() => Ok(committed),
            Err(StoreUnavailable) => Err(StoreUnavailable.into()),
        }
    }

    /// As [`Sessions::release`](crate::flow::ports::Sessions::release). If the store fails, the lease ends by itself.
    pub(super) async fn give_back(&self, lease: &Lease, how: Release, now: UnixTime) {
        let (id, by) = (RecordId(lease.session.id.0), self.holder_of(lease));
        let release = |row: &Row| {
            if !row.lease.is_held_by(by) {
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
            Release::TokenSpent => self.change(id, Kept::Once, now, release).await,
            Release::RetryAt(_) | Release::SessionEnded => {
                self.insist(id, (Kept::Once, RECORD_TIME), now, release).await
            }
        };
        if let Ok(Some(true)) = released {
            let _removed = self.replicated_writes.log(self.records.remove(id).await);
        }
    }

    fn holder_of(&self, lease: &Lease) -> Holder {
        Holder { process: self.process, fence: lease.fence }
    }

    pub(super) fn too_large(&self, bytes: usize) -> BeginError {
        let has_id_token = self.settings.keeps_id_token;
        BeginError::TooLarge { bytes, limit: MAX_RECORD_BYTES, has_id_token }
    }
}

fn lease_state(lease: RefreshLease) -> LeaseState {
    match lease {
        RefreshLease::Available | RefreshLease::Held => LeaseState::Available,
        RefreshLease::RetryAt(then) => LeaseState::RetryAt(then.0),
        RefreshLease::TokenSpent => LeaseState::TokenSpent,
    }
}
