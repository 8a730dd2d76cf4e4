//! The keys in the session keys file.
//!
//! What a file may hold is the same at the start and at every later look.

use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;
use zeroize::Zeroizing;

use super::seal_key::{NO_KEY, Named, SealKey, parsed};
use crate::config::secrets::MAX_SECRET_BYTES;
use crate::files::read_value;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(30);

/// The file that `session.keys_file` names.
#[derive(Clone, Debug)]
pub struct KeysFile {
    path: PathBuf,
    /// How often it is looked at: every 30 seconds.
    pub every: Duration,
    /// The digest of the text that the keys of the start were read from.
    pub first: [u8; 32],
}

/// Why it cannot be used. Names no content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct KeysFileError(String);

/// What stood in it at one moment.
pub struct KeysText(Zeroizing<String>);

impl KeysFile {
    pub(super) fn new(path: PathBuf, text: &KeysText) -> Self {
        Self { path, every: EVERY, first: text.digest() }
    }

    /// Reads it; fails where it cannot be read, is longer than 64 KiB, empty, or not UTF-8.
    pub fn read(&self) -> Result<KeysText, KeysFileError> {
        let text = read_value(&self.path, MAX_SECRET_BYTES);
        text.map(KeysText).map_err(|error| KeysFileError(error.to_string()))
    }
}

impl KeysText {
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// SHA-256 of it: tells whether anything has changed, and keeps no copy of the keys.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(digest(&SHA256, self.0.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The keys, at least one; fails with the first line that is no usable key.
    pub fn keys(&self) -> Result<Vec<SealKey>, KeysFileError> {
        let keys: Vec<SealKey> = parsed(self.lines()).collect::<Result<_, _>>().map_err(KeysFileError)?;
        if keys.is_empty() { Err(KeysFileError(NO_KEY.to_owned())) } else { Ok(keys) }
    }

    pub(super) fn lines(&self) -> Vec<Named> {
        let lines = self.0.lines().map(str::trim).enumerate();
        let filled = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        filled.map(|(index, line)| (format!("line {}", index + 1), Zeroizing::new(line.to_owned()))).collect()
    }
}
