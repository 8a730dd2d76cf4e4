//! A session, opened and borrowed

use std::mem::MaybeUninit;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::UnixTime;
use crate::access::credential::SessionCredential;
use crate::access::origin::Origin;
use crate::secret::Secret;

/// The name of a session: random, new at every sign-in, and told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

/// An open session, borrowed from the [`Workspace`] it was opened in.
pub struct Session<'a> {
    /// Who, and the ID token.
    pub credential: SessionCredential<'a>,
    /// When the user signed in.
    pub signed_in_at: UnixTime,
    /// When the user authenticated (`auth_time`), as the last ID token says that has it.
    pub auth_time: Option<UnixTime>,
    /// How the user authenticated (`acr`), as the last ID token says that has it.
    pub acr: Option<&'a str>,
    /// When it ends.
    pub ends_at: UnixTime,
    /// What to refresh it with, if that is due and no lease is known (boxed, because most checks have none).
    pub due: Option<Box<Refreshable>>,
}

/// A session whose tokens can be refreshed.
pub struct Refreshable {
    /// Which session.
    pub id: SessionId,
    /// Which generation of its tokens this is.
    pub generation: u64,
    /// `sub`.
    pub subject: String,
    /// What is sent to the provider.
    pub refresh_token: Secret,
    /// The origin its cookies are for.
    pub origin: Origin,
    /// When the user was last active.
    pub active_at: UnixTime,
    /// When it ends if it is not refreshed.
    pub ends_at: UnixTime,
    /// The whole session, in the store's own encoding.
    pub contents: Zeroizing<Vec<u8>>,
}

/// The right to refresh a session: no other holder exists until it is committed or released.
pub struct Lease {
    /// The session.
    pub session: Refreshable,
    /// What the store knows this lease by.
    pub fence: u64,
    /// Whether the holder before never returned it, and it expired: that holder may have sent the refresh token.
    pub is_takeover: bool,
}

/// The bytes an opened session is borrowed from: for one cookie in place, for more on the heap.
pub struct Workspace {
    small: [MaybeUninit<u8>; Self::SMALL],
    large: Vec<u8>,
    held: Option<Arc<[u8]>>,
}

/// The parts of a [`Workspace`].
pub struct WorkspaceParts<'w> {
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

    /// The parts, to be filled anew.
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
