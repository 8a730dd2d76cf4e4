//! Which keys seal sessions, and is each of them a key?

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::guessable::is_guessable;
use crate::config::reader::Reader;
use crate::config::report::{Told, Wrong, all};
use crate::config::secrets::secret_file;

const KEY: &str = "session.keys";
const FILE: &str = "session.keys_file";

type SealKey = Zeroizing<[u8; 32]>;

/// A key's text, and how a message calls it: never by its value.
type Named = (String, Zeroizing<String>);

/// Reads the key ring. Every message names a key by its place in the list or its line in the file.
pub(super) fn read(reader: &mut Reader) -> Result<Vec<SealKey>, Told> {
    let (source, texts) = match secret_file(reader, KEY)? {
        Some(text) => (FILE, lines(&text)),
        None => (KEY, listed(reader)),
    };
    if texts.is_empty() {
        return Err(if source == FILE {
            reader.wrong(FILE, Wrong::new("the file holds no key"))
        } else {
            reader.missing(KEY)
        });
    }
    let mut seen = Vec::new();
    all(texts.into_iter().map(|(name, text)| {
        let key = parse(&text, &mut seen);
        key.map_err(|wrong| reader.wrong(source, Wrong::new(format!("{name} {wrong}")).right(RIGHT)))
    }))
}

const RIGHT: &str = "a key of its own that `foregate secret` has made: 32 random bytes as base64url";

fn listed(reader: &Reader) -> Vec<Named> {
    let keys = reader.list(KEY).into_iter().enumerate();
    keys.map(|(index, text)| (format!("key {}", index + 1), Zeroizing::new(text))).collect()
}

fn lines(text: &str) -> Vec<Named> {
    let lines = text.lines().map(str::trim).enumerate();
    let filled = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    filled.map(|(index, line)| (format!("line {}", index + 1), Zeroizing::new(line.to_owned()))).collect()
}

fn parse(text: &str, seen: &mut Vec<SealKey>) -> Result<SealKey, String> {
    let bare = text.trim().trim_end_matches('=');
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode_to_vec(bare).map_err(|_| not_base64url(bare))?);
    let length = bytes.len();
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| format!("is {length} bytes long, not 32"))?;
    let key = Zeroizing::new(key);
    if is_guessable(&key, bare) {
        return Err("can be guessed, and whoever guesses it can be anybody".to_owned());
    }
    if seen.contains(&key) {
        return Err("is there twice".to_owned());
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
        "holds a character that base64url does not have".to_owned()
    }
}
