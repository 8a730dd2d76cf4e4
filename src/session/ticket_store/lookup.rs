//! Lookups that do not wait for a slow store
//!
//! 1. If a row was read within `stale_if_error`, a request waits only a short time for a newer one. The read goes on,
//!    and keeps or forgets the row.
//! 2. While one request reads such a row, others use it. So a session is read once, however many scripts poll.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::TicketStore;
use crate::flow::ports::{Found, Lookup, StoreUnavailable};
use crate::session::records::{RecordId, Records, Row};

/// How long a request waits if there is an older row. Some proxies wait 200 ms for a check.
const PATIENCE: Duration = Duration::from_millis(100);

impl<R: Records> TicketStore<R> {
    /// As [`Sessions::lookup`](crate::flow::ports::Sessions::lookup).
    pub(super) async fn look_up(&self, lookup: Lookup) -> Found {
        let (id, now) = (RecordId(lookup.record), self.clock.now());
        let older = self.cache.stale(id, now).zip(self.this.upgrade());
        let Some((older, this)) = older else {
            return found(self.find_and_touch(id, lookup.active_at, now).await);
        };
        let Some(reading) = self.reading.begin(id) else { return found(Ok(Some(older))) };
        let read = tokio::spawn(async move {
            let _reading = reading;
            this.find_and_touch(id, lookup.active_at, now).await
        });
        match timeout(PATIENCE, read).await {
            Ok(read) => found(read.unwrap_or(Err(StoreUnavailable))),
            // It may have been ended meanwhile.
            Err(_) => found(self.cache.stale(id, now).map(Some).ok_or(StoreUnavailable)),
        }
    }
}

fn found(read: Result<Option<Arc<Row>>, StoreUnavailable>) -> Found {
    match read {
        Ok(Some(row)) => row.encode().map_or(Found::Unavailable, |row| Found::Record(row.into())),
        Ok(None) => Found::Nothing,
        Err(StoreUnavailable) => Found::Unavailable,
    }
}
