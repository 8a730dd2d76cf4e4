//! Key ring: the keys that seal sessions, in order

use zeroize::Zeroizing;

use super::keys_file::{KeysFile, KeysText};
use super::seal_key::{NO_KEY, Named, SealKey, parse_keys};
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong, all};
use crate::config::secrets::secret_file;

const KEY: &str = "session.keys";
const FILE: &str = "session.keys_file";

/// Reads the key ring. Every message names a key by its place in the list or its line in the file.
pub(super) fn read(reader: &mut Reader) -> Result<(Vec<SealKey>, Option<KeysFile>), Reported> {
    let in_file = secret_file(reader, KEY)?.map(KeysText::new);
    let (source, texts) = match &in_file {
        Some(text) => (FILE, text.lines()),
        None => (KEY, keys_in_list(reader)),
    };
    if texts.is_empty() {
        return Err(if source == FILE {
            reader.report_wrong(FILE, Wrong::new(NO_KEY))
        } else {
            reader.report_missing(KEY)
        });
    }
    let keys = parse_keys(texts)
        .map(|key| key.map_err(|wrong| reader.report_wrong(source, Wrong::new(wrong).right(RIGHT))));
    let keys = all(keys)?;
    let path = reader.text(FILE);
    Ok((keys, in_file.zip(path).map(|(text, path)| KeysFile::new(path.into(), &text))))
}

const RIGHT: &str = "a separate key that `foregate secret` has made: 32 random bytes as base64url";

fn keys_in_list(reader: &Reader) -> Vec<Named> {
    let keys = reader.list(KEY).into_iter().enumerate();
    keys.map(|(index, text)| (format!("key {}", index + 1), Zeroizing::new(text))).collect()
}
