//! Session key, and the text that encodes it

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::guessable::is_guessable;

/// A key that seals sessions: 32 bytes.
pub type SealKey = Zeroizing<[u8; 32]>;

/// The name of a key in messages, which is its place, with its text.
pub(super) type Named = (String, Zeroizing<String>);

/// The error for a file without keys, for instance one that contains only comments.
pub(super) const NO_KEY: &str = "the file contains no key";

/// Parses each text. An error names the key and never quotes it.
pub(super) fn parse_keys(texts: Vec<Named>) -> impl Iterator<Item = Result<SealKey, String>> {
    let mut seen = Vec::new();
    texts
        .into_iter()
        .map(move |(name, text)| parse(&text, &mut seen).map_err(|wrong| format!("{name} {wrong}")))
}

fn parse(text: &str, seen: &mut Vec<SealKey>) -> Result<SealKey, String> {
    let bare = text.trim().trim_end_matches('=');
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode_to_vec(bare).map_err(|_| not_base64url(bare))?);
    let length = bytes.len();
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| format!("is {length} bytes long, not 32"))?;
    let key = Zeroizing::new(key);
    if is_guessable(&key, bare) {
        return Err("can be guessed, and an attacker who guesses it can act as any user".to_owned());
    }
    if seen.contains(&key) {
        return Err("appears twice".to_owned());
    }
    seen.push(key.clone());
    Ok(key)
}

fn not_base64url(text: &str) -> String {
    if text.contains(['+', '/']) {
        "is standard base64: base64url has - and _ in place of + and /".to_owned()
    } else if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        format!("is {} characters long, not 43", text.len())
    } else {
        "contains a character that base64url does not have".to_owned()
    }
}
