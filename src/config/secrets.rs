//! Secrets, from their keys or from the files that their keys with `_file` name.

use std::path::Path;

use zeroize::Zeroizing;

use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::files::read_value;
use crate::secret::Secret;

/// The limit of a file that holds a secret.
pub(super) const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The secret of a key, if it is set either way.
pub(super) fn secret(reader: &mut Reader, key: &str) -> Result<Option<Secret>, Reported> {
    let in_file = secret_file(reader, key)?;
    let text = in_file.or_else(|| reader.text(key).map(Zeroizing::new));
    // What the template shows in a secret's place, and what people write there before they know it.
    if text.as_ref().is_some_and(|text| matches!(text.as_str(), "…" | "..." | "changeme")) {
        let wrong = Wrong::new("it is a placeholder, not the secret itself");
        return Err(reader.wrong(key, wrong));
    }
    Ok(text.map(|text| Secret::new(text.as_str())))
}

/// The text of the file that `{key}_file` names, if it is set; that `key` is set as well is a mistake.
pub(super) fn secret_file(reader: &mut Reader, key: &str) -> Result<Option<Zeroizing<String>>, Reported> {
    let file = format!("{key}_file");
    if reader.is_set(key) && reader.is_set(&file) {
        let what = format!("{file} is set as well ({})", reader.place(&file));
        let right = format!("either {key} or {file}; take the other away");
        return Err(reader.wrong(key, Wrong::new(what).right(right)));
    }
    reader.may(&file, |path| {
        read_value(Path::new(path), MAX_SECRET_BYTES).map_err(|error| Wrong::new(error.to_string()))
    })
}
