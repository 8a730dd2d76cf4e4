//! Metadata and keys of the provider, and when keys were last looked for.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::keys::KeySet;
use super::metadata::Metadata;
use crate::flow::ports::UnixTime;

/// When a token last caused a look for keys. The lock admits one look at a time.
pub(super) type LastLook = Mutex<Option<UnixTime>>;

/// The looks for new keys, by where the token came from.
#[derive(Default)]
pub(super) struct Looks {
    /// The token endpoint gave it.
    pub(super) given: LastLook,
    /// A client sent it, which need not be the provider.
    pub(super) sent: LastLook,
}

/// Metadata and keys that were loaded together.
pub(super) struct Known {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: KeySet,
}
