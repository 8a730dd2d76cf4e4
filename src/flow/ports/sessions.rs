//! What is asked of the place where sessions live?

use std::mem::MaybeUninit;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use thiserror::Error;
use zeroize::Zeroizing;

use super::provider::{LogoutToken, Refreshed, TokenSet};
use super::{NoEntropy, UnixTime};
use crate::access::decision::{Credential, Outage};
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::policy::Answers;
use crate::secret::Secret;

/// The name of a session: random, new at every sign-in, and told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

/// A session that is about to begin.
pub struct NewSession<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// With which tokens.
    pub tokens: &'a TokenSet,
    /// Which policies they meet.
    pub policies: Answers,
    /// The provider's own name for its session (`sid`), or empty.
    pub sid: &'a str,
}

/// A request, as far as it concerns sessions.
#[derive(Clone, Copy)]
pub struct Shown<'r> {
    /// Its header fields.
    pub headers: &'r HeaderMap,
    /// The public origin it came to.
    pub origin: &'r Origin,
    /// When.
    pub now: UnixTime,
    /// Whether it shows that the person is there.
    pub active: bool,
}

/// An open session, borrowed from the [`Workspace`] it was opened in.
pub struct Session<'a> {
    /// Who, and the ID token.
    pub credential: Credential<'a>,
    /// When the person signed in.
    pub signed_in_at: UnixTime,
    /// When it ends.
    pub ends_at: UnixTime,
    /// What to renew it with, where that is due and nobody does (boxed, because most checks have none).
    pub due: Option<Box<Renewable>>,
}

/// A session whose tokens can be renewed.
pub struct Renewable {
    /// Which.
    pub id: SessionId,
    /// Which generation of its tokens this is.
    pub generation: u64,
    /// `sub`.
    pub subject: String,
    /// What is sent to the provider.
    pub refresh_token: Secret,
    /// The origin its cookies are for.
    pub origin: Origin,
    /// When the person was last active.
    pub active_at: UnixTime,
    /// When the provider gave these tokens, by our clock.
    pub sealed_at: UnixTime,
    /// When it ends if it is not renewed.
    pub ends_at: UnixTime,
    /// All there is of it, in the store's own words.
    pub contents: Zeroizing<Vec<u8>>,
}

/// Why there is no usable session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// No session cookie came.
    NoCookie,
    /// A session cookie came that is not ours, was changed, is incomplete or came twice.
    Refused,
    /// The session, or its tokens, ran out.
    Expired,
    /// The person, the provider or an operator ended it.
    Ended,
}

/// What opening a session gave.
pub enum Opened<'a> {
    /// A usable session.
    Session(Session<'a>),
    /// Its tokens are over, and the provider may give new ones.
    Stale(Box<Renewable>),
    /// None, and why.
    Absent(Absence),
    /// Cannot be told now.
    Unknown(Outage),
}

/// What a request's cookies come to.
pub struct Opening<'a> {
    /// The session.
    pub opened: Opened<'a>,
    /// The request's cookies without any of ours, for the application: one `Cookie` value, or nothing.
    ///
    /// They are found on the way, because cookies are long and walking them twice costs.
    pub other_cookies: Vec<u8>,
    /// `Set-Cookie` values that the browser should have, and has not shown.
    pub deliver: Option<Arc<[HeaderValue]>>,
}

/// The bytes an opened session is borrowed from: for one cookie in place, for more on the heap.
pub struct Workspace {
    small: [MaybeUninit<u8>; Self::SMALL],
    large: Vec<u8>,
    held: Option<Arc<[u8]>>,
}

/// The places of a [`Workspace`].
pub struct Places<'w> {
    /// For what one cookie holds.
    pub small: &'w mut [MaybeUninit<u8>],
    /// For more, empty.
    pub large: &'w mut Vec<u8>,
    /// For what the store holds itself.
    pub held: &'w mut Option<Arc<[u8]>>,
}

impl Workspace {
    /// What one cookie of at most 4096 characters decodes to fits in here.
    pub const SMALL: usize = 3072;

    /// Nothing in it yet.
    pub fn new() -> Self {
        Self { small: [MaybeUninit::uninit(); Self::SMALL], large: Vec::new(), held: None }
    }

    /// The places, to be filled anew.
    pub fn places(&mut self) -> Places<'_> {
        self.large.clear();
        Places { small: &mut self.small, large: &mut self.large, held: &mut self.held }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
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
}

/// No session may begin: those that have are never forgotten for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// For anybody.
    #[error("as many sessions are open as this process keeps")]
    Table,
    /// For this person.
    #[error("this person has as many open sessions as one person may have")]
    Person,
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

/// What a renewal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The session has new tokens.
    Kept {
        /// Whether the browser was offered the last ones again and again, and never showed them.
        last_was_not_delivered: bool,
    },
    /// The session had ended meanwhile: the new tokens are nobody's.
    TooLate,
}

/// Why the turn to renew is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBack {
    /// The refresh token is as good as before, and shall not be sent until then.
    Until(UnixTime),
    /// The refresh token may have been used up: it is never sent again.
    Spent,
}

/// What is left of a session that was ended.
pub struct EndedSession {
    /// The `Set-Cookie` values that remove it.
    pub cookies: Vec<HeaderValue>,
    /// Its newest refresh token, where there was a session that had one.
    pub refresh_token: Option<Secret>,
    /// Its newest ID token, over or not, where there was a session.
    pub id_token: Option<Secret>,
}

/// Where sessions live.
pub trait SessionStore: Send + Sync {
    /// Opens the session that a request's cookies hold.
    fn open<'w>(&self, workspace: &'w mut Workspace, shown: Shown<'_>) -> Opening<'w>;

    /// Begins a session: the `Set-Cookie` values that carry it, and that remove what an older one left in `headers`.
    fn begin(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError>;

    /// Takes the turn to renew a session: nobody else has it until it is given back, or the session is renewed or over.
    fn take_turn(&self, renewable: &Renewable, now: UnixTime) -> bool;

    /// Ends a turn with new tokens. `person` is who they are now, where a new ID token says it.
    fn renew(
        &self,
        renewable: &Renewable,
        refreshed: &Refreshed,
        person: Option<(&Identity, Answers)>,
        now: UnixTime,
    ) -> Result<Renewed, BeginError>;

    /// Ends a turn without.
    fn give_back(&self, renewable: &Renewable, how: GivenBack);

    /// Ends the session whose turn one has.
    fn give_up(&self, renewable: &Renewable);

    /// Ends the sessions that a logout token names. It cannot fail: a provider does not repeat the request.
    fn end_by(&self, token: &LogoutToken, now: UnixTime) -> LogoutEffect;

    /// Ends the session that a request carries.
    fn end(&self, headers: &HeaderMap, origin: &Origin, now: UnixTime) -> EndedSession;
}
