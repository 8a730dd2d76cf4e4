//! Implementation of the port to sessions by a ticket store

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};

use super::opening::{Step, open};
use super::{MAX_RECORD_BYTES, TicketStore};
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{
    Absence, BeginError, Commit, EndedSession, Found, Full, Lease, LogoutEffect, LogoutToken, Lookup,
    NewSession, OpenResult, Opened, Refreshable, Refreshed, Release, SessionId, SessionRequest, SessionState,
    Sessions, Standing, StoreUnavailable, UnixTime, Workspace,
};
use crate::session::codec::jwt::Packed;
use crate::session::codec::summary::Summary;
use crate::session::codec::ticket::{Tagged, Ticket};
use crate::session::cookie::add_cookie;
use crate::session::device::device;
use crate::session::place::Place;
use crate::session::records::{Inserted, LeaseState, RecordId, Records, Row};
use crate::session::usable::judge;

impl<R: Records> Sessions for TicketStore<R> {
    fn open<'w>(&self, workspace: &'w mut Workspace, request: SessionRequest<'_>) -> OpenResult<'w> {
        let mut other_cookies = Vec::new();
        let Some(place) = self.places.of(request.origin) else {
            let state = SessionState::Absent(Absence::NoCookie);
            return OpenResult::Ready(Opened { state, other_cookies, pending_cookies: None });
        };
        let found = place
            .names
            .split_ours_from_others(request.headers, |member| add_cookie(&mut other_cookies, member));
        let presented = found.ok_or(Absence::Refused).and_then(|[ticket, ..]| self.ticket(ticket));
        let state = match presented {
            Err(absence) => SessionState::Absent(absence),
            Ok(presented) => match self.step(place, &presented, workspace.parts().large, request) {
                Step::State(state) => state,
                Step::Ask(lookup) => return OpenResult::Ask(lookup),
            },
        };
        OpenResult::Ready(Opened { state, other_cookies, pending_cookies: None })
    }

    fn lookup(&self, lookup: Lookup) -> BoxFuture<'_, Found> {
        self.look_up(lookup).boxed()
    }

    fn begin<'a>(
        &'a self,
        session: NewSession<'a>,
        headers: &'a HeaderMap,
        origin: &'a Origin,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<HeaderValue>, BeginError>> {
        async move { self.begin_session(&session, headers, origin, now).await }.boxed()
    }

    fn lease(&self, session: Refreshable, now: UnixTime) -> BoxFuture<'_, Option<Lease>> {
        self.acquire(session, now).boxed()
    }

    fn released_elsewhere(&self, session: SessionId) -> BoxFuture<'_, ()> {
        self.wait_for_holder(RecordId(session.0)).boxed()
    }

    fn commit<'a>(
        &'a self,
        lease: &'a Lease,
        refreshed: &'a Refreshed,
        user: Option<(&'a Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Commit, BeginError>> {
        self.commit_tokens(lease, refreshed, user, now).boxed()
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Infallible> {
        self.renew_lease(lease).boxed()
    }

    fn release<'a>(&'a self, lease: &'a Lease, how: Release) -> BoxFuture<'a, ()> {
        self.give_back(lease, how, self.clock.now()).boxed()
    }

    fn standing<'a>(&'a self, request: SessionRequest<'a>) -> BoxFuture<'a, Standing> {
        self.standing_of(request).boxed()
    }

    fn end<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<EndedSession, StoreUnavailable>> {
        self.end_session(request).boxed()
    }

    fn end_by<'a>(
        &'a self,
        token: &'a LogoutToken,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<LogoutEffect, StoreUnavailable>> {
        self.end_sessions_of(token, now).boxed()
    }
}

impl<R: Records> TicketStore<R> {
    async fn begin_session(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError> {
        let Some(place) = self.places.of(origin) else { return Ok(Vec::new()) };
        let subject = Tagged::Subject(session.identity.as_ref().subject);
        let ticket = Ticket::new(&self.keys, &*self.entropy, session.issuer, subject)?;
        let device = device(headers);
        let summary =
            Summary { device, host: origin.host().to_owned(), address: session.address, began_at: now.0 };
        let row = self.new_row(place, &ticket, session, &summary, now)?;
        match self.writes.log(self.records.insert(&row, now).await)? {
            Inserted::Stored => self.cache.keep(Arc::new(row), now),
            // The ticket has no record, so the next request shows that the session has ended.
            Inserted::Ended => {}
            // Two tickets of 256 random bits are equal only without random numbers.
            Inserted::Collision => return Err(BeginError::StoreUnavailable(StoreUnavailable)),
            Inserted::UserFull => return Err(Full::User.into()),
            Inserted::Full => return Err(Full::Sessions.into()),
        }
        if let Ok(old) = self.presented(place, headers) {
            // The browser cannot present the old ticket any more.
            let _removed = self.replicated_writes.log(self.records.remove(old.keys.id).await);
            self.cache.forget(old.keys.id, now);
        }
        // A refresh does not set the cookie again, so it lives as long as a session can.
        let seconds = self.settings.lifetimes.session.as_secs();
        Ok(place.names.replace_parts(headers, [ticket.to_cookie().as_str()], seconds))
    }

    fn new_row(
        &self,
        place: &Place,
        ticket: &Ticket,
        session: &NewSession<'_>,
        summary: &Summary,
        now: UnixTime,
    ) -> Result<Row, BeginError> {
        let unavailable = BeginError::StoreUnavailable(StoreUnavailable);
        let keys = ticket.keys(&self.keys).ok_or(unavailable)?;
        let encoded = self.sealing(now).encode_new(session, SessionId(keys.id.0));
        let (contents, ends_at) = encoded.ok_or_else(|| self.too_large(usize::MAX))?;
        let sealed = keys.seal(&place.binding, &contents, &*self.entropy)?;
        if sealed.len() > MAX_RECORD_BYTES {
            return Err(self.too_large(sealed.len()));
        }
        let tag = |tagged| ticket.tag(&self.keys, session.issuer, tagged);
        let subject = tag(Tagged::Subject(session.identity.as_ref().subject)).ok_or(unavailable)?;
        Ok(Row {
            id: keys.id,
            revision: 1,
            generation: 1,
            lease: LeaseState::Available,
            subject,
            sid: Some(session.sid).filter(|sid| !sid.is_empty()).and_then(|sid| tag(Tagged::Session(sid))),
            began_at: now.0,
            issued_at: session.tokens.id_token_issued_at.0,
            active_at: now.0,
            ends_at: ends_at.0,
            sealed: sealed.into(),
            summary: self.summaries.seal(&self.keys, (keys.id, subject), summary, &*self.entropy)?.into(),
        })
    }

    async fn end_session(&self, request: SessionRequest<'_>) -> Result<EndedSession, StoreUnavailable> {
        let Some(place) = self.places.of(request.origin) else { return Ok(EndedSession::default()) };
        let cookies = place.names.remove_parts(request.headers);
        let Ok(presented) = self.presented(place, request.headers) else {
            return Ok(EndedSession { cookies, ..EndedSession::default() });
        };
        let row = self.find(presented.keys.id, request.now).await?;
        self.replicated_writes.log(self.records.remove(presented.keys.id).await)?;
        self.cache.forget(presented.keys.id, request.now);
        let mut buffer = Vec::new();
        let opened = row.as_ref().and_then(|row| Some((row, open(place, &presented, row, &mut buffer)?)));
        let Some((row, contents)) = opened else {
            return Ok(EndedSession { cookies, ..EndedSession::default() });
        };
        let state = judge(&contents, &self.context(row, request));
        let was_open = matches!(state, SessionState::Usable(_) | SessionState::Refreshable(_));
        let keeps = self.settings.keeps_id_token;
        Ok(EndedSession {
            cookies,
            subject: was_open.then(|| contents.subject.to_owned()),
            refresh_token: contents.refresh_token.and_then(Packed::secret),
            id_token: if keeps { contents.id_token } else { Packed::NONE }.secret(),
        })
    }
}
