//! `foregate secret`: a key that nobody can guess.

use base64_simd::URL_SAFE_NO_PAD;

use super::command::{CommandResult, print};
use crate::flow::ports::{Entropy, NoEntropy};
use crate::server::SystemEntropy;

pub(super) fn run() -> CommandResult {
    print(&format!("{}\n", key()?))
}

/// 256 random bits, as `session.keys` takes them.
pub(super) fn key() -> Result<String, NoEntropy> {
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(key))
}
