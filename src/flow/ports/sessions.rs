//! The port to sessions
//!
//! 1. [`Sessions::open`] is synchronous: a check with a cookie store never waits.
//! 2. A store that needs a lookup returns [`OpenResult::Ask`].
//! 3. Only the lease decides who may refresh a session. A commit needs the lease.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use thiserror::Error;

use super::provider::{IssuerIndex, LogoutToken, Refreshed, TokenSet};
use super::session::{Lease, Refreshable, Session, SessionId, Workspace};
use super::{NoEntropy, UnixTime};
use crate::access::decision::Outage;
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::policy::PolicyVerdicts;
use crate::flow::labels::labelled;
use crate::secret::Secret;

/// A session that is about to begin.
#[derive(Clone, Copy)]
pub struct NewSession<'a> {
    /// The issuer that the user signed in at.
    pub issuer: IssuerIndex,
    /// The user who signed in.
    pub identity: &'a Identity,
    /// The verified tokens.
    pub tokens: &'a TokenSet,
    /// The policies that this user meets.
    pub policies: PolicyVerdicts,
    /// The provider's id of its session (`sid`), or empty.
    pub sid: &'a str,
    /// The address of the browser, if known.
    pub address: Option<IpAddr>,
}

/// The parts of a request that concern sessions.
#[derive(Clone, Copy)]
pub struct SessionRequest<'r> {
    /// Its header fields.
    pub headers: &'r HeaderMap,
    /// The public origin of the request.
    pub origin: &'r Origin,
    /// When the request arrived.
    pub now: UnixTime,
    /// Whether the request shows that the user is active.
    pub active: bool,
    /// The result of the store's lookup, after [`OpenResult::Ask`].
    pub found: Option<&'r Found>,
}

/// A lookup in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The record's storage id.
    pub record: [u8; 16],
    /// When the user was active, if the request shows it. The store records it, unless the session had expired by then.
    pub active_at: Option<UnixTime>,
}

/// The result of a [`Lookup`].
#[derive(Clone)]
pub enum Found {
    /// A sealed record.
    Record(Arc<[u8]>),
    /// There is no such record.
    Nothing,
    /// The store does not answer.
    Unavailable,
}

labelled! {
    /// Why there is no usable session.
    pub enum Absence {
        /// The request has no session cookie.
        NoCookie => "no_cookie",
        /// The session cookie is not from this gateway, was changed, is incomplete or is repeated.
        Refused => "refused",
        /// The session, or its tokens, expired.
        Expired => "expired",
        /// The user, the provider or an operator ended it.
        Ended => "ended",
    }
}

/// The session of a request.
pub enum SessionState<'a> {
    /// The session can be used.
    Usable(Session<'a>),
    /// The tokens are not accepted any more, and a refresh may return new ones.
    Refreshable(Box<Refreshable>),
    /// There is no session, with the reason.
    Absent(Absence),
    /// The state is unknown at this time.
    Undetermined(Outage),
}

/// The result of opening the session of a request.
pub struct Opened<'a> {
    /// The session.
    pub state: SessionState<'a>,
    /// The request's cookies without the gateway's own, for the application: one `Cookie` value, or empty.
    ///
    /// They are collected while the session is opened, because cookies are long and a second pass is expensive.
    pub other_cookies: Vec<u8>,
    /// Pending `Set-Cookie` values, which the browser has not presented, or only a moment ago.
    pub pending_cookies: Option<Arc<[HeaderValue]>>,
}

/// How long a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Until then, if it is not refreshed. The verdicts are those of the last refresh.
    Until(UnixTime, Option<PolicyVerdicts>),
    /// The user, the provider or an operator ended it.
    Ended,
    /// The request has no session, or it cannot be read now.
    Unknown,
}

/// What [`Sessions::open`] returns.
pub enum OpenResult<'a> {
    /// The session is known.
    Ready(Opened<'a>),
    /// The store needs a lookup, with [`Sessions::lookup`].
    Ask(Lookup),
}

/// Why a session is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BeginError {
    /// The session does not fit into its cookies, or its record.
    #[error("the session needs {bytes} bytes, and the limit is {limit}")]
    TooLarge {
        /// The size that it needs.
        bytes: usize,
        /// The size that browsers and proxies, or the store, accept.
        limit: usize,
        /// Whether the session contains the ID token.
        has_id_token: bool,
    },
    /// There is no room for another session.
    #[error(transparent)]
    Full(#[from] Full),
    /// The session cannot be sealed.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The store does not answer.
    #[error(transparent)]
    StoreUnavailable(#[from] StoreUnavailable),
}

/// The session store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the session store does not answer")]
pub struct StoreUnavailable;

/// No session may begin because a limit is reached. Existing sessions are never dropped for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// The limit of all sessions.
    #[error("this process has reached its limit of sessions")]
    Sessions,
    /// The limit per user.
    #[error("this user has reached the limit of open sessions per user")]
    User,
}

/// The effect of a logout token on the sessions that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutEffect {
    /// The sessions have ended.
    Ended,
    /// The table that records them is full. Each session that the token may mean must refresh at the provider before
    /// it is allowed again. It ends if the provider refuses the refresh.
    MustRefresh,
}

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The session has the new tokens.
    Committed {
        /// Whether the previous cookies were sent to the browser repeatedly, and it never presented them.
        last_was_not_delivered: bool,
    },
    /// The session ended during the refresh. The new tokens belong to no session.
    Ended,
    /// The session has newer tokens. The provider may know the new ones as belonging to the same grant.
    Superseded,
}

/// Why a lease is released without new tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The refresh token is still valid. It must not be sent before this time.
    RetryAt(UnixTime),
    /// The refresh token may be spent. It is never sent again.
    TokenSpent,
    /// The provider ended the session.
    SessionEnded,
}

/// The remains of a session that was ended.
#[derive(Default)]
pub struct EndedSession {
    /// The `Set-Cookie` values that remove the session.
    pub cookies: Vec<HeaderValue>,
    /// `sub` of the user, if the session could be used or refreshed.
    pub subject: Option<String>,
    /// The newest refresh token, if the session had one and had not ended before.
    pub refresh_token: Option<Secret>,
    /// The newest ID token, expired or not, if the session had not ended before. It is empty if the session stores none.
    pub id_token: Option<Secret>,
}

/// The session store.
pub trait Sessions: Send + Sync {
    /// Opens the session of a request.
    fn open<'w>(&self, workspace: &'w mut Workspace, request: SessionRequest<'_>) -> OpenResult<'w>;

    /// Performs a lookup in the store. The caller passes the result in [`SessionRequest::found`].
    fn lookup(&self, lookup: Lookup) -> BoxFuture<'_, Found>;

    /// Begins a session. Returns the `Set-Cookie` values that contain it, and those that remove the cookies of an older
    /// session in `headers`.
    fn begin<'a>(
        &'a self,
        session: NewSession<'a>,
        headers: &'a HeaderMap,
        origin: &'a Origin,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<HeaderValue>, BeginError>>;

    /// Acquires the lease to refresh a session, if no other holder has it and its refresh token may be sent.
    fn lease(&self, session: Refreshable, now: UnixTime) -> BoxFuture<'_, Option<Lease>>;

    /// Waits until no other process holds the lease of a session. Returns at once if the store fails.
    fn released_elsewhere(&self, session: SessionId) -> BoxFuture<'_, ()>;

    /// Stores new tokens. `user` is the new identity, if there is a new ID token.
    fn commit<'a>(
        &'a self,
        lease: &'a Lease,
        refreshed: &'a Refreshed,
        user: Option<(&'a Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Commit, BeginError>>;

    /// Renews a lease again and again, so that no other process takes it over. Never completes: the caller drops the
    /// future when it does not need the lease any more.
    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Infallible>;

    /// Releases a lease without new tokens.
    fn release<'a>(&'a self, lease: &'a Lease, how: Release) -> BoxFuture<'a, ()>;

    /// Returns how long the session of a request goes on, also if its cookies are no longer the newest. Nothing changes.
    fn standing<'a>(&'a self, request: SessionRequest<'a>) -> BoxFuture<'a, Standing>;

    /// Ends the session of a request.
    fn end<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<EndedSession, StoreUnavailable>>;

    /// Ends the sessions that a logout token names. Fails only if the store does not answer, because providers do not
    /// repeat the request.
    fn end_by<'a>(
        &'a self,
        token: &'a LogoutToken,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<LogoutEffect, StoreUnavailable>>;
}

impl dyn Sessions + '_ {
    /// Opens the session of a request, with a lookup if needed, and passes it to `read`.
    pub async fn read<T>(&self, request: SessionRequest<'_>, read: impl FnOnce(Opened<'_>) -> T) -> T {
        let lookup = match self.open(&mut Workspace::new(), request) {
            OpenResult::Ready(opened) => return read(opened),
            OpenResult::Ask(lookup) => lookup,
        };
        let found = self.lookup(lookup).await;
        match self.open(&mut Workspace::new(), SessionRequest { found: Some(&found), ..request }) {
            OpenResult::Ready(opened) => read(opened),
            // A store that needs a second lookup cannot determine the state.
            OpenResult::Ask(_) => read(Opened {
                state: SessionState::Undetermined(Outage::SessionStore),
                other_cookies: Vec::new(),
                pending_cookies: None,
            }),
        }
    }
}
