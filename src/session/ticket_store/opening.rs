//! State of a request's session, from its ticket and its row

use std::sync::Arc;

use http::HeaderMap;

use super::TicketStore;
use super::changing::is_touch_due;
use crate::access::decision::Outage;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{
    Absence, Found, Lookup, Refreshable, SessionRequest, SessionState, Standing, UnixTime,
};
use crate::session::codec::layout::Contents;
use crate::session::codec::ticket::{Ticket, TicketKeys};
use crate::session::place::Place;
use crate::session::records::{LeaseState, RecordId, Records, Row};
use crate::session::registry::RefreshLease;
use crate::session::usable::{JudgeContext, judge};

/// A ticket and its keys.
pub(super) struct Presented {
    pub(super) ticket: Ticket,
    pub(super) keys: TicketKeys,
}

/// The state of a session, or the lookup that it needs.
pub(super) enum Step<'w> {
    State(SessionState<'w>),
    Ask(Lookup),
}

/// The row of a request, as far as it is known.
enum Known {
    Row(Arc<Row>),
    Nothing,
    Failed,
    Ask,
}

impl<R: Records> TicketStore<R> {
    /// Returns the ticket in a request's cookies. The error says why there is none.
    pub(super) fn presented(&self, place: &Place, headers: &HeaderMap) -> Result<Presented, Absence> {
        let parts = place.names.session_parts(headers).ok_or(Absence::Refused)?;
        self.ticket(parts.first().copied().flatten())
    }

    pub(super) fn ticket(&self, cookie: Option<&[u8]>) -> Result<Presented, Absence> {
        let ticket = Ticket::from_cookie(cookie.ok_or(Absence::NoCookie)?).ok_or(Absence::Refused)?;
        let keys = ticket.keys(&self.keys).ok_or(Absence::Refused)?;
        Ok(Presented { ticket, keys })
    }

    /// Returns the state of the session of a ticket. The contents are opened in `buffer`.
    pub(super) fn step<'w>(
        &self,
        place: &Place,
        presented: &Presented,
        buffer: &'w mut Vec<u8>,
        request: SessionRequest<'_>,
    ) -> Step<'w> {
        let row = match self.known(presented.keys.id, request) {
            Known::Row(row) => row,
            Known::Nothing => return Step::State(SessionState::Absent(Absence::Ended)),
            Known::Failed => return Step::State(SessionState::Undetermined(Outage::SessionStore)),
            Known::Ask => {
                let active_at = request.active.then_some(request.now);
                return Step::Ask(Lookup { record: presented.keys.id.0, active_at });
            }
        };
        let Some(contents) = open(place, presented, &row, buffer) else {
            return Step::State(SessionState::Absent(Absence::Refused));
        };
        Step::State(with_ticket(&presented.ticket, judge(&contents, &self.context(&row, request))))
    }

    fn known(&self, id: RecordId, request: SessionRequest<'_>) -> Known {
        let stale = || self.cache.stale(id, request.now).map_or(Known::Failed, Known::Row);
        match request.found {
            None => {
                let row = self.cache.fresh(id, request.now);
                row.filter(|row| !self.must_touch(row, request)).map_or(Known::Ask, Known::Row)
            }
            Some(Found::Nothing) => Known::Nothing,
            Some(Found::Unavailable) => stale(),
            Some(Found::Record(bytes)) => match Row::decode(bytes) {
                Ok(row) if row.id == id => Known::Row(Arc::new(row)),
                _ => Known::Failed,
            },
        }
    }

    /// Returns whether a request needs a lookup, because the lookup records that the user is active.
    ///
    /// Otherwise the background requests of an open page keep the row young, and an active user's session becomes idle.
    /// A row of this second serves all the same, so that a store that records nothing is not asked by every request.
    fn must_touch(&self, row: &Row, request: SessionRequest<'_>) -> bool {
        request.active
            && is_touch_due(row, self.settings.lifetimes.idle, request.now)
            && !self.cache.is_new(row.id, request.now)
    }

    pub(super) fn context<'r>(&self, row: &Row, request: SessionRequest<'r>) -> JudgeContext<'r> {
        JudgeContext {
            request,
            lifetimes: self.settings.lifetimes,
            keeps_id_token: self.settings.keeps_id_token,
            lease: self.lease_of(row, request.now),
            active_at: UnixTime(row.active_at),
            must_refresh: false,
        }
    }

    /// Returns who may refresh the session of a row. A lease that was not returned can be taken over.
    pub(super) fn lease_of(&self, row: &Row, now: UnixTime) -> RefreshLease {
        match row.lease {
            LeaseState::Available => RefreshLease::Available,
            LeaseState::RetryAt(then) => RefreshLease::RetryAt(UnixTime(then)),
            LeaseState::TokenSpent => RefreshLease::TokenSpent,
            held @ LeaseState::Held { .. } => {
                let is_abandoned = held.is_abandoned(self.process, now, self.settings.is_exclusive);
                if is_abandoned { RefreshLease::Available } else { RefreshLease::Held }
            }
        }
    }

    /// Returns how long the session of a request goes on.
    pub(super) async fn standing_of(&self, request: SessionRequest<'_>) -> Standing {
        let Some(place) = self.places.of(request.origin) else { return Standing::Unknown };
        let Ok(presented) = self.presented(place, request.headers) else { return Standing::Unknown };
        let id = presented.keys.id;
        let row = match self.cache.fresh(id, request.now) {
            Some(row) => Some(row),
            None => match self.find(id, request.now).await {
                Ok(row) => row,
                Err(_) => return Standing::Unknown,
            },
        };
        let Some(row) = row else { return Standing::Ended };
        let mut buffer = Vec::new();
        match open(place, &presented, &row, &mut buffer) {
            Some(contents) => {
                let policies =
                    PolicyVerdicts { generation: contents.policy_generation, met: contents.policies_met };
                Standing::Until(UnixTime(row.ends_at), Some(policies))
            }
            None => Standing::Unknown,
        }
    }
}

/// Opens the contents of a row in `buffer`.
pub(super) fn open<'w>(
    place: &Place,
    presented: &Presented,
    row: &Row,
    buffer: &'w mut Vec<u8>,
) -> Option<Contents<'w>> {
    buffer.clear();
    buffer.extend_from_slice(&row.sealed);
    Contents::read(presented.keys.open(&place.binding, buffer)?)
}

/// Puts the ticket in front of the contents of a session to refresh: they are sealed with it again.
fn with_ticket<'w>(ticket: &Ticket, state: SessionState<'w>) -> SessionState<'w> {
    let add = |session: &mut Refreshable| {
        session.contents.splice(0..0, ticket.as_bytes().iter().copied());
    };
    match state {
        SessionState::Usable(mut session) => {
            session.due.as_deref_mut().into_iter().for_each(add);
            SessionState::Usable(session)
        }
        SessionState::Refreshable(mut session) => {
            add(&mut session);
            SessionState::Refreshable(session)
        }
        other => other,
    }
}
