//! `foregate secret`: generation of a random session key

use base64_simd::URL_SAFE_NO_PAD;

use super::command::{CommandResult, print};
use crate::flow::ports::{Entropy, NoEntropy};
use crate::server::SystemEntropy;

pub(super) fn run() -> CommandResult {
    print(&format!("{}\n", generate_key()?))
}

/// Returns 256 random bits in the format of `session.keys`.
pub(super) fn generate_key() -> Result<String, NoEntropy> {
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(key))
}
