//! Reload of the session keys from their file
//!
//! 1. The file is read at intervals and on request, so that a key can be changed without a restart.
//! 2. All keys of the file replace the current keys at the same time.
//! 3. If the file cannot be used, the current keys stay in use, and one log line reports the reason.

use std::sync::Arc;

use super::reload::{self, Reason, ReloadRequests};
use crate::config::{KeysFile, KeysFileError, KeysText, SealKey};
use crate::session::codec::seal::KeyRing;

/// The digest of the file's text, or the reason why it cannot be read.
type KeysFileState = Result<[u8; 32], KeysFileError>;

/// Follows the file forever. Returns at once if there is no file.
pub(super) async fn follow_file(ring: Arc<KeyRing>, file: Option<KeysFile>, requests: ReloadRequests) {
    let Some(file) = file else { return };
    let first = Ok(file.first);
    reload::follow(file.every, requests, first, move |before, reason| {
        reload_if_changed(&ring, &file, before, reason)
    })
    .await;
}

/// Uses the keys of the file if it has changed since `before` and can be used. Logs a change, and the result of each
/// request.
fn reload_if_changed(
    ring: &KeyRing,
    file: &KeysFile,
    before: &KeysFileState,
    reason: Reason,
) -> KeysFileState {
    let read = file.read();
    let state = read.as_ref().map(KeysText::digest).map_err(Clone::clone);
    if state == *before && reason == Reason::Interval {
        return state;
    }
    match read
        .and_then(|text| text.keys())
        .map_err(|error| error.to_string())
        .and_then(|keys| replace_keys(ring, &keys))
    {
        Ok(count) => tracing::info!(keys = count, "session.keys_file: read again, and in use"),
        Err(why) => tracing::error!("session.keys_file: {why}; the keys read before stay in use"),
    }
    state
}

fn replace_keys(ring: &KeyRing, keys: &[SealKey]) -> Result<usize, String> {
    ring.replace(keys.iter().map(|key| &**key)).map_err(|error| error.to_string())?;
    Ok(keys.len())
}

#[cfg(test)]
mod tests;
