//! Which keys seal sessions, and is each of them a key?

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::SealKey;
use super::guessable::is_guessable;
use super::keys_file::{KeysFile, KeysText};
use crate::config::reader::Reader;
use crate::config::report::{Told, Wrong, all};
use crate::config::secrets::secret_file;

const KEY: &str = "session.keys";
const FILE: &str = "session.keys_file";

/// A key's text, and how a message calls it: never by its value.
pub(super) type Named = (String, Zeroizing<String>);

/// Reads the key ring. Every message names a key by its place in the list or its line in the file.
pub(super) fn read(reader: &mut Reader) -> Result<(Vec<SealKey>, Option<KeysFile>), Told> {
    let in_file = secret_file(reader, KEY)?.map(KeysText::new);
    let (source, texts) = match &in_file {
        Some(text) => (FILE, text.lines()),
        None => (KEY, listed(reader)),
    };
    if texts.is_empty() {
        return Err(if source == FILE {
            reader.wrong(FILE, Wrong::new(NO_KEY))
        } else {
            reader.missing(KEY)
        });
    }
    let keys =
        parsed(texts).map(|key| key.map_err(|wrong| reader.wrong(source, Wrong::new(wrong).right(RIGHT))));
    let keys = all(keys)?;
    let path = reader.text(FILE);
    Ok((keys, in_file.zip(path).map(|(text, path)| KeysFile::new(path.into(), &text))))
}

/// A file with comments alone, for instance.
pub(super) const NO_KEY: &str = "the file holds no key";

const RIGHT: &str = "a key of its own that `foregate secret` has made: 32 random bytes as base64url";

fn listed(reader: &Reader) -> Vec<Named> {
    let keys = reader.list(KEY).into_iter().enumerate();
    keys.map(|(index, text)| (format!("key {}", index + 1), Zeroizing::new(text))).collect()
}

/// Each key, or what is wrong with it and where it stands.
pub(super) fn parsed(texts: Vec<Named>) -> impl Iterator<Item = Result<SealKey, String>> {
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
