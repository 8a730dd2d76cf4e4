//! Implementation of the port to sessions by the cookie store

use std::convert::Infallible;
use std::future::pending;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use http::{HeaderMap, HeaderValue};

use super::{CookieStore, listed_refreshable};
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{
    Absence, BeginError, Commit, EndedSession, Found, Lease, LogoutEffect, LogoutToken, Lookup, NewSession,
    OpenResult, Opened, Refreshable, Refreshed, Release, SessionId, SessionRequest, SessionState, Sessions,
    Standing, StoreUnavailable, UnixTime, Workspace,
};
use crate::session::cookie::add_cookie;
use crate::session::registry::RefreshLease;

/// All data are in the request or in this process, so no operation waits.
impl Sessions for CookieStore {
    fn open<'w>(&self, workspace: &'w mut Workspace, request: SessionRequest<'_>) -> OpenResult<'w> {
        let mut other_cookies = Vec::new();
        let Some(place) = self.places.of(request.origin) else {
            let state = SessionState::Absent(Absence::NoCookie);
            return OpenResult::Ready(Opened { state, other_cookies, pending_cookies: None });
        };
        let found = place
            .names
            .split_ours_from_others(request.headers, |member| add_cookie(&mut other_cookies, member));
        let (state, pending_cookies) = match found {
            Some(found) => self.open_found(place, found, workspace.parts(), request),
            None => (SessionState::Absent(Absence::Refused), None),
        };
        OpenResult::Ready(Opened { state, other_cookies, pending_cookies })
    }

    fn lookup(&self, _: Lookup) -> BoxFuture<'_, Found> {
        ready(Found::Nothing).boxed()
    }

    fn begin<'a>(
        &'a self,
        session: NewSession<'a>,
        headers: &'a HeaderMap,
        origin: &'a Origin,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<HeaderValue>, BeginError>> {
        ready(self.begin_session(&session, headers, origin, now)).boxed()
    }

    fn lease(&self, session: Refreshable, now: UnixTime) -> BoxFuture<'_, Option<Lease>> {
        // Read before the request to the provider: its response does not answer a doubt that arises later.
        let doubt = self.provider_marks.last_doubt();
        let acquired = self.registry.try_lease(listed_refreshable(&session), doubt, now);
        // Within one process, the generation identifies the lease.
        let fence = session.generation;
        // The holder is a task of this process, which always returns its lease. So no lease is taken over.
        ready(acquired.then_some(Lease { session, fence, is_takeover: false })).boxed()
    }

    fn released_elsewhere(&self, _: SessionId) -> BoxFuture<'_, ()> {
        // All holders are tasks of this process.
        ready(()).boxed()
    }

    fn commit<'a>(
        &'a self,
        lease: &'a Lease,
        refreshed: &'a Refreshed,
        user: Option<(&'a Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Commit, BeginError>> {
        ready(self.commit_tokens(&lease.session, refreshed, user, now)).boxed()
    }

    fn renew<'a>(&'a self, _: &'a Lease) -> BoxFuture<'a, Infallible> {
        // No other process could take the lease over.
        pending().boxed()
    }

    fn release<'a>(&'a self, lease: &'a Lease, how: Release) -> BoxFuture<'a, ()> {
        let (id, generation) = (lease.session.id, lease.fence);
        match how {
            Release::RetryAt(then) => self.registry.release(id, generation, RefreshLease::RetryAt(then)),
            Release::TokenSpent => self.registry.release(id, generation, RefreshLease::TokenSpent),
            Release::SessionEnded => self.registry.end_after_refresh(id, generation),
        }
        ready(()).boxed()
    }

    fn standing<'a>(&'a self, request: SessionRequest<'a>) -> BoxFuture<'a, Standing> {
        ready(self.standing_of(request)).boxed()
    }

    fn end<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<EndedSession, StoreUnavailable>> {
        ready(Ok(self.end_session(request))).boxed()
    }

    fn end_by<'a>(
        &'a self,
        token: &'a LogoutToken,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<LogoutEffect, StoreUnavailable>> {
        ready(Ok(self.provider_marks.add(token, now, self.lifetimes.session))).boxed()
    }
}
