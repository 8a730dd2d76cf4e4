//! Session keys file
//!
//! The start and every later look read the file by the same rules.

use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;
use zeroize::Zeroizing;

use super::seal_key::{NO_KEY, Named, SealKey, parse_keys};
use crate::config::secrets::MAX_SECRET_BYTES;
use crate::files::read_value;

/// The time between two looks at the file.
const RELOAD_INTERVAL: Duration = Duration::from_secs(30);

/// The file that `session.keys_file` names.
#[derive(Clone, Debug)]
pub struct KeysFile {
    path: PathBuf,
    /// The time between two looks at the file: 30 seconds.
    pub every: Duration,
    /// The digest of the text from which the keys were read at the start.
    pub first: [u8; 32],
}

/// Why the file cannot be used. The message contains none of its content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct KeysFileError(String);

/// The content of the file at one moment.
pub struct KeysText(Zeroizing<String>);

impl KeysFile {
    pub(super) fn new(path: PathBuf, text: &KeysText) -> Self {
        Self { path, every: RELOAD_INTERVAL, first: text.digest() }
    }

    /// Reads the file. Fails if it cannot be read, is longer than 64 KiB, is empty, or is not UTF-8.
    pub fn read(&self) -> Result<KeysText, KeysFileError> {
        let text = read_value(&self.path, MAX_SECRET_BYTES);
        text.map(KeysText).map_err(|error| KeysFileError(error.to_string()))
    }
}

impl KeysText {
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Returns the SHA-256 digest of the content. It shows whether the file has changed, without a copy of the keys.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(digest(&SHA256, self.0.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Returns the keys, at least one. Fails at the first line that is not a usable key.
    pub fn keys(&self) -> Result<Vec<SealKey>, KeysFileError> {
        let keys: Vec<SealKey> = parse_keys(self.lines()).collect::<Result<_, _>>().map_err(KeysFileError)?;
        if keys.is_empty() { Err(KeysFileError(NO_KEY.to_owned())) } else { Ok(keys) }
    }

    pub(super) fn lines(&self) -> Vec<Named> {
        let lines = self.0.lines().map(str::trim).enumerate();
        let filled = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        filled.map(|(index, line)| (format!("line {}", index + 1), Zeroizing::new(line.to_owned()))).collect()
    }
}
