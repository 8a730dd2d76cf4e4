//! The list of a user's own sessions, from the records of the user
//!
//! 1. The user is that of the session of the request. Its tags select the records, so no other user's session is in the
//!    list or can be ended.
//! 2. A session is named by an HMAC of its id under the ticket of the request. It means nothing with another ticket.

use std::cmp::Reverse;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::TicketStore;
use super::opening::{Presented, open};
use crate::flow::ports::{
    IssuerIndex, ListedSession, SessionLists, SessionRequest, StoreUnavailable, UnixTime, Which,
};
use crate::session::codec::summary::Summary;
use crate::session::codec::ticket::{Tagged, tags};
use crate::session::device::UNKNOWN;
use crate::session::records::{RecordId, Records, Row, Tag};

/// The session of a request, and the tags of its user.
struct Viewer {
    presented: Presented,
    tags: Vec<Tag>,
}

impl<R: Records> SessionLists for TicketStore<R> {
    fn list<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<Vec<ListedSession>, StoreUnavailable>> {
        self.list_sessions(request).boxed()
    }

    fn end_listed<'a>(
        &'a self,
        request: SessionRequest<'a>,
        which: Which<'a>,
    ) -> BoxFuture<'a, Result<usize, StoreUnavailable>> {
        self.end_others(request, which).boxed()
    }

    fn list_of<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<ListedSession>, StoreUnavailable>> {
        async move {
            let rows = self.rows_of(&self.tags_of(subject), now).await?;
            let mut sessions: Vec<_> = rows.iter().map(|row| self.described(row)).collect();
            sessions.sort_by_key(|session| Reverse(session.active_at));
            Ok(sessions)
        }
        .boxed()
    }

    fn end_of<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<usize, StoreUnavailable>> {
        async move {
            let mut ended = 0;
            for row in self.rows_of(&self.tags_of(subject), now).await? {
                ended += self.end_row(row.id, now).await?;
            }
            Ok(ended)
        }
        .boxed()
    }
}

impl<R: Records> TicketStore<R> {
    async fn list_sessions(
        &self,
        request: SessionRequest<'_>,
    ) -> Result<Vec<ListedSession>, StoreUnavailable> {
        let Some(viewer) = self.viewer(request).await? else { return Ok(Vec::new()) };
        let rows = self.rows_of(&viewer.tags, request.now).await?;
        let mut sessions: Vec<_> = rows.iter().filter_map(|row| self.listed(&viewer, row)).collect();
        sessions.sort_by_key(|session| Reverse((session.is_current, session.active_at)));
        Ok(sessions)
    }

    async fn end_others(
        &self,
        request: SessionRequest<'_>,
        which: Which<'_>,
    ) -> Result<usize, StoreUnavailable> {
        let Some(viewer) = self.viewer(request).await? else { return Ok(0) };
        let mut ended = 0;
        for row in self.rows_of(&viewer.tags, request.now).await? {
            let is_chosen = match which {
                Which::One(id) => self.listed_id(&viewer, row.id).is_some_and(|listed| listed == id),
                Which::AllOthers => true,
            };
            if is_chosen && row.id != viewer.presented.keys.id {
                ended += self.end_row(row.id, request.now).await?;
            }
        }
        Ok(ended)
    }

    async fn viewer(&self, request: SessionRequest<'_>) -> Result<Option<Viewer>, StoreUnavailable> {
        let presented = self.places.of(request.origin).and_then(|place| {
            let presented = self.presented(place, request.headers).ok()?;
            Some((place, presented))
        });
        let Some((place, presented)) = presented else { return Ok(None) };
        let Some(row) = self.find(presented.keys.id, request.now).await? else { return Ok(None) };
        let mut buffer = Vec::new();
        let user = open(place, &presented, &row, &mut buffer).map(|contents| {
            tags(&self.keys, IssuerIndex(contents.issuer), Tagged::Subject(contents.subject))
        });
        Ok(user.map(|tags| Viewer { presented, tags }))
    }

    fn tags_of(&self, subject: &str) -> Vec<Tag> {
        tags(&self.keys, IssuerIndex::FIRST, Tagged::Subject(subject))
    }

    /// Ends a session. Returns 0 if it had ended before.
    async fn end_row(&self, id: RecordId, now: UnixTime) -> Result<usize, StoreUnavailable> {
        let removed = self.replicated_writes.log(self.records.remove(id).await)?;
        self.cache.forget(id, now);
        Ok(usize::from(removed))
    }

    /// Returns the records of a user's sessions that have not ended.
    async fn rows_of(&self, tags: &[Tag], now: UnixTime) -> Result<Vec<Row>, StoreUnavailable> {
        let mut rows = self.reads.log(self.records.of_user(tags, now).await)?;
        // The writer of the store may have put another user's record into the index.
        rows.retain(|row| tags.contains(&row.subject) && !row.was_ended() && !self.is_idle(row, now));
        Ok(rows)
    }

    fn is_idle(&self, row: &Row, now: UnixTime) -> bool {
        self.settings.lifetimes.idle.is_some_and(|idle| UnixTime(row.active_at).plus(idle) <= now)
    }

    fn listed(&self, viewer: &Viewer, row: &Row) -> Option<ListedSession> {
        let is_current = row.id == viewer.presented.keys.id;
        Some(ListedSession { id: self.listed_id(viewer, row.id)?, is_current, ..self.described(row) })
    }

    fn described(&self, row: &Row) -> ListedSession {
        // The key that sealed the summary may have been removed. The user must still see the session.
        let unknown = || Summary {
            device: UNKNOWN.to_owned(),
            host: String::new(),
            address: None,
            began_at: row.began_at,
        };
        let summary =
            self.summaries.open(&self.keys, (row.id, row.subject), &row.summary).unwrap_or_else(unknown);
        ListedSession {
            id: String::new(),
            device: summary.device,
            host: summary.host,
            address: summary.address,
            began_at: UnixTime(summary.began_at),
            active_at: UnixTime(row.active_at),
            is_current: false,
        }
    }

    fn listed_id(&self, viewer: &Viewer, record: RecordId) -> Option<String> {
        viewer.presented.ticket.listed_id(&self.keys, record)
    }
}
