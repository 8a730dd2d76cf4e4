//! Which keys seal and open sessions now?
//!
//! The file they stand in is followed, so that a key is changed without a restart. New keys replace the old ones all at
//! once. A file that cannot be used leaves them in place, and one line in the log says so.

use std::sync::Arc;

use super::reload::{self, Reason, ReloadRequests};
use crate::config::{KeysFile, KeysFileError, KeysText, SealKey};
use crate::session::codec::seal::KeyRing;

/// What was found in the file: a digest of its text, or why it cannot be read.
type Seen = Result<[u8; 32], KeysFileError>;

/// Follows the file for ever, or is done at once where there is none.
pub(super) async fn follow(ring: Arc<KeyRing>, file: Option<KeysFile>, requests: ReloadRequests) {
    let Some(file) = file else { return };
    let first = Ok(file.first);
    reload::follow(file.every, requests, first, move |before, reason| look(&ring, &file, before, reason))
        .await;
}

/// Takes what has changed since `before`, if it can be used. Reports what is new, or what was asked for.
fn look(ring: &KeyRing, file: &KeysFile, before: &Seen, reason: Reason) -> Seen {
    let read = file.read();
    let seen = read.as_ref().map(KeysText::digest).map_err(Clone::clone);
    if seen == *before && reason == Reason::Interval {
        return seen;
    }
    match read
        .and_then(|text| text.keys())
        .map_err(|error| error.to_string())
        .and_then(|keys| put(ring, &keys))
    {
        Ok(count) => tracing::info!(keys = count, "session.keys_file: read again, and in use"),
        Err(why) => tracing::error!("session.keys_file: {why}; the keys read before stay in use"),
    }
    seen
}

fn put(ring: &KeyRing, keys: &[SealKey]) -> Result<usize, String> {
    ring.replace(keys.iter().map(|key| &**key)).map_err(|error| error.to_string())?;
    Ok(keys.len())
}

#[cfg(test)]
mod tests;
