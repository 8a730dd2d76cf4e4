//! What is asked of the place where sessions live?

use http::{HeaderMap, HeaderValue, header};
use thiserror::Error;

use super::provider::TokenSet;
use super::{NoEntropy, UnixTime};
use crate::access::decision::{Credential, Outage};
use crate::access::headers::WriteText;
use crate::access::identity::Identity;
use crate::access::origin::Origin;
use crate::access::policy::Answers;

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

/// The bytes an opened session is borrowed from: one buffer for a whole check.
#[derive(Default)]
pub struct Workspace(Vec<u8>);

impl Workspace {
    /// No room yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The buffer, empty, with room for `bytes`.
    pub fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        self.0.clear();
        self.0.reserve_exact(bytes);
        &mut self.0
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
    fn open<'w>(
        &self,
        workspace: &'w mut Workspace,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Opened<'w>;

    /// Begins a session: the `Set-Cookie` values that carry it, and that remove what an older one left in `headers`.
    fn begin(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError>;

    /// Ends the session: the `Set-Cookie` values that remove it.
    fn end(&self, headers: &HeaderMap, origin: &Origin) -> Vec<HeaderValue>;

    /// Writes the request's cookies without any of ours, for the application: one `Cookie` value, or nothing.
    fn write_others(&self, headers: &HeaderMap, buffer: &mut Vec<u8>);
}

/// The cookies of a request that are not ours.
pub struct OtherCookies<'a> {
    /// Knows which are ours.
    pub sessions: &'a dyn SessionStore,
    /// The request's header fields.
    pub headers: &'a HeaderMap,
}

impl WriteText for OtherCookies<'_> {
    fn max_len(&self) -> usize {
        self.headers.get_all(header::COOKIE).iter().map(|value| value.len() + "; ".len()).sum()
    }

    fn write(&self, buffer: &mut Vec<u8>) {
        self.sessions.write_others(self.headers, buffer);
    }
}
