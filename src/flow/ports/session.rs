//! An open session, its lease, and the workspace that it is borrowed from

use std::mem::MaybeUninit;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::UnixTime;
use crate::access::credential::SessionCredential;
use crate::access::origin::Origin;
use crate::secret::Secret;

/// The id of a session. It is random, new at every sign-in, and never disclosed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

/// An open session, borrowed from the [`Workspace`] it was opened in.
pub struct Session<'a> {
    /// The user, and the ID token.
    pub credential: SessionCredential<'a>,
    /// When the user signed in.
    pub signed_in_at: UnixTime,
    /// When the user authenticated: `auth_time` of the last ID token that has it.
    pub auth_time: Option<UnixTime>,
    /// How the user authenticated: `acr` of the last ID token that has it.
    pub acr: Option<&'a str>,
    /// When the session ends.
    pub ends_at: UnixTime,
    /// The session to refresh, if a refresh is due and no lease is known. Boxed, because most checks have none.
    pub due: Option<Box<Refreshable>>,
}

/// A session whose tokens can be refreshed.
pub struct Refreshable {
    /// The session id.
    pub id: SessionId,
    /// The generation of its tokens.
    pub generation: u64,
    /// `sub`.
    pub subject: String,
    /// The refresh token.
    pub refresh_token: Secret,
    /// The origin of its cookies.
    pub origin: Origin,
    /// When the user was last active.
    pub active_at: UnixTime,
    /// When the session ends if it is not refreshed.
    pub ends_at: UnixTime,
    /// The whole session, in the store's own encoding.
    pub contents: Zeroizing<Vec<u8>>,
}

/// The exclusive right to refresh a session, until the lease is committed or released.
pub struct Lease {
    /// The session.
    pub session: Refreshable,
    /// The number by which the store identifies this lease.
    pub fence: u64,
    /// Whether the lease expired because the previous holder did not release it. That holder may have sent the refresh
    /// token.
    pub is_takeover: bool,
}

/// The bytes that an open session is borrowed from: in place for one cookie, on the heap for more.
pub struct Workspace {
    small: [MaybeUninit<u8>; Self::SMALL],
    large: Vec<u8>,
    held: Option<Arc<[u8]>>,
}

/// The parts of a [`Workspace`].
pub struct WorkspaceParts<'w> {
    /// The buffer for the content of one cookie.
    pub small: &'w mut [MaybeUninit<u8>],
    /// The empty buffer for more content.
    pub large: &'w mut Vec<u8>,
    /// The slot for a record that the store holds itself.
    pub held: &'w mut Option<Arc<[u8]>>,
}

impl Workspace {
    /// The size in bytes that holds the decoded content of one cookie of at most 4096 characters.
    pub const SMALL: usize = 3072;

    /// Creates an empty workspace.
    pub fn new() -> Self {
        Self { small: [MaybeUninit::uninit(); Self::SMALL], large: Vec::new(), held: None }
    }

    /// Returns the parts, for new content.
    pub fn parts(&mut self) -> WorkspaceParts<'_> {
        self.large.clear();
        WorkspaceParts { small: &mut self.small, large: &mut self.large, held: &mut self.held }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}
