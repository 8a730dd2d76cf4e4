//! The port to sessions
//!
//! [`Sessions::open`] is synchronous: a check with a cookie store never waits. A store that must be asked says so with
//! [`OpenResult::Ask`]. The lease is the one thing that says who may refresh a session: a commit needs one.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use thiserror::Error;

use super::provider::{IssuerIndex, LogoutToken, Refreshed, TokenSet};
use super::session::{Lease, Refreshable, Session, Workspace};
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
    /// Who signed in.
    pub identity: &'a Identity,
    /// The verified tokens.
    pub tokens: &'a TokenSet,
    /// The policies that this user meets.
    pub policies: PolicyVerdicts,
    /// The provider's own name for its session (`sid`), or empty.
    pub sid: &'a str,
}

/// A request, as far as it concerns sessions.
#[derive(Clone, Copy)]
pub struct SessionRequest<'r> {
    /// Its header fields.
    pub headers: &'r HeaderMap,
    /// The public origin it came to.
    pub origin: &'r Origin,
    /// When it came.
    pub now: UnixTime,
    /// Whether it shows that the user is active.
    pub active: bool,
    /// What the store returned for it, after [`OpenResult::Ask`].
    pub found: Option<&'r Found>,
}

/// What to ask the store for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The record's storage id.
    pub record: [u8; 16],
    /// When the user was active, if the request shows it. The store records it, unless the session had expired by then.
    pub active_at: Option<UnixTime>,
}

/// What the store returned for a [`Lookup`].
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
        /// The session cookie is not ours, was changed, is incomplete or came twice.
        Refused => "refused",
        /// The session, or its tokens, expired.
        Expired => "expired",
        /// The user, the provider or an operator ended it.
        Ended => "ended",
    }
}

/// The session of a request.
pub enum SessionState<'a> {
    /// It can be used.
    Usable(Session<'a>),
    /// Its tokens do not count any more, and the provider may give new ones.
    Refreshable(Box<Refreshable>),
    /// There is none, and why.
    Absent(Absence),
    /// Unknown at this time.
    Undetermined(Outage),
}

/// An opened request.
pub struct Opened<'a> {
    /// Its session.
    pub state: SessionState<'a>,
    /// The request's cookies without any of ours, for the application: one `Cookie` value, or empty.
    ///
    /// They are found on the way, because cookies are long and walking them twice costs.
    pub other_cookies: Vec<u8>,
    /// `Set-Cookie` values that the browser should have, and has not presented.
    pub pending_cookies: Option<Arc<[HeaderValue]>>,
}

/// What [`Sessions::open`] returns.
pub enum OpenResult<'a> {
    /// The session is known.
    Ready(Opened<'a>),
    /// The store must be asked, with [`Sessions::lookup`].
    Ask(Lookup),
}

/// Why a session is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BeginError {
    /// More than four cookies.
    #[error("the session needs {bytes} bytes of cookie, more than a browser and the proxies carry")]
    TooLarge {
        /// How many it needs.
        bytes: usize,
    },
    /// There is no room for another session.
    #[error(transparent)]
    Full(#[from] Full),
    /// Nothing can be sealed.
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

/// No session may begin: those that have are never forgotten for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// For any user.
    #[error("this process keeps as many sessions as it may")]
    Sessions,
    /// For this user.
    #[error("this user has as many open sessions as a user may have")]
    User,
}

/// What a logout token does to the sessions that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutEffect {
    /// They have ended.
    Ended,
    /// There is no room to record which they are: each that may be meant must refresh at the provider before its next
    /// allow, and ends if the provider refuses that.
    MustRefresh,
}

/// What became of new tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The session has them.
    Committed {
        /// Whether the browser was offered the cookies before these again and again, and never presented them.
        last_was_not_delivered: bool,
    },
    /// The session had ended meanwhile, or the lease was lost: the new tokens belong to no session.
    TooLate,
}

/// Why a lease is returned without new tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The refresh token is as good as before, and must not be sent until then.
    RetryAt(UnixTime),
    /// The refresh token may have been used: it is never sent again.
    TokenSpent,
    /// The provider ended the session.
    SessionEnded,
}

/// What is left of a session that was ended.
#[derive(Default)]
pub struct EndedSession {
    /// The `Set-Cookie` values that remove it.
    pub cookies: Vec<HeaderValue>,
    /// The user, if the session could be used or refreshed.
    pub subject: Option<String>,
    /// Its newest refresh token, if it had one and had not ended before.
    pub refresh_token: Option<Secret>,
    /// Its newest ID token, expired or not, if the session had not ended before.
    pub id_token: Option<Secret>,
}

/// Where sessions live.
pub trait Sessions: Send + Sync {
    /// Opens the session of a request.
    fn open<'w>(&self, workspace: &'w mut Workspace, request: SessionRequest<'_>) -> OpenResult<'w>;

    /// Asks the store. The result goes into [`SessionRequest::found`].
    fn lookup(&self, lookup: Lookup) -> BoxFuture<'_, Found>;

    /// Begins a session. Returns the `Set-Cookie` values that carry it, and that remove what an older one left in
    /// `headers`.
    fn begin<'a>(
        &'a self,
        session: NewSession<'a>,
        headers: &'a HeaderMap,
        origin: &'a Origin,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<HeaderValue>, BeginError>>;

    /// Acquires the lease to refresh a session, if no other holder has it and its refresh token may be sent.
    fn lease(&self, session: Refreshable, now: UnixTime) -> BoxFuture<'_, Option<Lease>>;

    /// Stores new tokens. `user` is the new identity, if a new ID token says it.
    fn commit<'a>(
        &'a self,
        lease: &'a Lease,
        refreshed: &'a Refreshed,
        user: Option<(&'a Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Commit, BeginError>>;

    /// Returns a lease without new tokens.
    fn release<'a>(&'a self, lease: &'a Lease, how: Release) -> BoxFuture<'a, ()>;

    /// Ends the session of a request.
    fn end<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<EndedSession, StoreUnavailable>>;

    /// Ends the sessions that a logout token names. It fails only if the store does not answer, because providers do not
    /// repeat the request.
    fn end_by<'a>(
        &'a self,
        token: &'a LogoutToken,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<LogoutEffect, StoreUnavailable>>;
}

impl dyn Sessions + '_ {
    /// Opens the session of a request, asking the store if needed, and passes it to `read`.
    pub async fn read<T>(&self, request: SessionRequest<'_>, read: impl FnOnce(Opened<'_>) -> T) -> T {
        let lookup = match self.open(&mut Workspace::new(), request) {
            OpenResult::Ready(opened) => return read(opened),
            OpenResult::Ask(lookup) => lookup,
        };
        let found = self.lookup(lookup).await;
        match self.open(&mut Workspace::new(), SessionRequest { found: Some(&found), ..request }) {
            OpenResult::Ready(opened) => read(opened),
            // A store that asks twice cannot tell.
            OpenResult::Ask(_) => read(Opened {
                state: SessionState::Undetermined(Outage::SessionStore),
                other_cookies: Vec::new(),
                pending_cookies: None,
            }),
        }
    }
}
