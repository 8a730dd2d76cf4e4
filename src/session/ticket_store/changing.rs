//! Changes of a row

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::TicketStore;
use crate::flow::ports::{StoreUnavailable, UnixTime};
use crate::session::records::{Kept, RecordId, Records, Row, Swapped};

/// The pauses between two tries begin with the first, and double up to the last.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(2);
/// How often a write is tried again because another one came first.
const MAX_TRIES: u32 = 5;

/// How often the activity of a user is recorded if no idle time depends on it.
const TOUCH_STEP: Duration = Duration::from_mins(5);

/// What a write does with the row that it finds.
pub(super) enum Change<T> {
    /// Writes the row.
    Write(Row, T),
    /// Writes nothing.
    Leave(T),
    /// Writes nothing, and tries again later.
    Wait,
}

impl<R: Records> TicketStore<R> {
    /// Changes a row. Returns `None` if there is no row. Fails if `change` waits, too.
    pub(super) async fn change<T>(
        &self,
        id: RecordId,
        kept: Kept,
        now: UnixTime,
        change: impl Fn(&Row) -> Change<T>,
    ) -> Result<Option<T>, StoreUnavailable> {
        for _ in 0..MAX_TRIES {
            let Some(row) = self.find(id, now).await? else { return Ok(None) };
            let replaced = row.revision;
            let (row, result) = match change(&row) {
                Change::Leave(result) => return Ok(Some(result)),
                Change::Wait => return Err(StoreUnavailable),
                Change::Write(changed, result) => {
                    (Row { revision: self.next_revision(row.revision)?, ..changed }, result)
                }
            };
            let swapped = self.records.compare_and_swap(replaced, &row, kept).await;
            let swapped = match kept {
                Kept::Once => self.writes.log(swapped),
                Kept::Replicated => self.replicated_writes.log(swapped),
            };
            match swapped? {
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

    fn next_revision(&self, revision: u64) -> Result<u64, StoreUnavailable> {
        let mut step = [0; 4];
        self.entropy.fill(&mut step).map_err(|_| StoreUnavailable)?;
        Ok(revision.saturating_add(1).saturating_add(u64::from(u32::from_ne_bytes(step))))
    }

    /// Changes a row, and tries again for some time while the store fails or `change` waits. An earlier try may have been
    /// recorded.
    pub(super) async fn insist<T>(
        &self,
        id: RecordId,
        (kept, time): (Kept, Duration),
        now: UnixTime,
        change: impl Fn(&Row) -> Change<T>,
    ) -> Result<Option<T>, StoreUnavailable> {
        let mut delay = FIRST_DELAY;
        let changed = async {
            loop {
                if let Ok(result) = self.change(id, kept, now, &change).await {
                    return result;
                }
                sleep(delay).await;
                delay = (delay * 2).min(LAST_DELAY);
            }
        };
        timeout(time, changed).await.map_err(|_| StoreUnavailable)
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
        let touched = self.change(id, Kept::Once, now, |row| {
            if !is_touch_due(row, idle, active_at) {
                return Change::Leave(row.clone());
            }
            let touched = Row { active_at: active_at.0, ..row.clone() };
            Change::Write(touched.clone(), touched)
        });
        // The session goes on if only the write failed.
        Ok(touched.await.map_or(found, |row| row.map(Arc::new)))
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
