//! What is asked of the place where sessions live?

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderValue};
use thiserror::Error;

use super::provider::TokenSet;
use super::{NoEntropy, UnixTime};
use crate::access::decision::{Credential, Outage};
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::policy::Answers;
use crate::flow::circle::Reloads;

/// A session that is about to begin.
pub struct NewSession<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// With which tokens.
    pub tokens: &'a TokenSet,
    /// Which policies they meet.
    pub policies: Answers,
}

/// An open session, borrowed from the [`Workspace`] it was opened in.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Who, and the ID token.
    pub credential: Credential<'a>,
    /// When the person signed in.
    pub signed_in_at: UnixTime,
    /// When it ends.
    pub ends_at: UnixTime,
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
}

/// What opening a session gave.
pub enum Opened<'a> {
    /// A usable session.
    Session(Session<'a>),
    /// None, and why.
    Absent(Absence),
    /// Cannot be told now.
    Unknown(Outage),
}

/// The bytes an opened session is borrowed from: for one cookie in place, for more on the heap.
pub struct Workspace {
    small: [MaybeUninit<u8>; Self::SMALL],
    large: Vec<u8>,
}

impl Workspace {
    /// What one cookie of at most 4096 characters decodes to fits in here.
    pub const SMALL: usize = 3072;

    /// Nothing in it yet.
    pub fn new() -> Self {
        Self { small: [MaybeUninit::uninit(); Self::SMALL], large: Vec::new() }
    }

    /// The place for what one cookie holds, and the buffer for more, empty.
    pub fn places(&mut self) -> (&mut [MaybeUninit<u8>], &mut Vec<u8>) {
        self.large.clear();
        (&mut self.small, &mut self.large)
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

/// A session does not fit into the cookies a browser keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BeginError {
    /// More than four cookies.
    #[error("the session needs {bytes} bytes of cookie, more than a browser and the proxies carry")]
    TooLarge {
        /// How many it needs.
        bytes: usize,
    },
    /// Nothing can be sealed.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// Where sessions live.
pub trait SessionStore: Send + Sync {
    /// Opens the session that the request's cookies hold for an origin.
    ///
    /// With it come the request's cookies without any of ours, for the application: one `Cookie` value, or nothing.
    /// They are found on the way, because cookies are long and walking them twice costs.
    fn open<'w>(
        &self,
        workspace: &'w mut Workspace,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> (Opened<'w>, Vec<u8>);

    /// Begins a session: the `Set-Cookie` values that carry it, and that remove what an older one left in `headers`.
    fn begin(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError>;

    /// What the browser has counted of reloads that led to no session.
    fn reloads(&self, headers: &HeaderMap, origin: &Origin) -> Option<Reloads>;

    /// The `Set-Cookie` value that counts a reload.
    fn count_reload(&self, reloads: Reloads, origin: &Origin) -> Option<HeaderValue>;

    /// Ends the session: the `Set-Cookie` values that remove it.
    fn end(&self, headers: &HeaderMap, origin: &Origin) -> Vec<HeaderValue>;
}
