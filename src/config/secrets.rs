//! Secrets, from a key or from the file that the key with `_file` names

use std::path::Path;

use zeroize::Zeroizing;

use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::files::read_value;
use crate::secret::Secret;

/// The size limit of a file that contains a secret.
pub(super) const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Returns the secret of a key, if the key or its `_file` is set.
pub(super) fn secret(reader: &mut Reader, key: &str) -> Result<Option<Secret>, Reported> {
    let in_file = secret_file(reader, key)?;
    let text = in_file.or_else(|| reader.text(key).map(Zeroizing::new));
    // The template shows the first in place of a secret. Operators write the others until they know the secret.
    if text.as_ref().is_some_and(|text| matches!(text.as_str(), "…" | "..." | "changeme")) {
        let wrong = Wrong::new("it is a placeholder, not the secret itself");
        return Err(reader.report_wrong(key, wrong));
    }
    Ok(text.map(|text| Secret::new(text.as_str())))
}

/// Returns the text of the file that `{key}_file` names, if it is set. It is a mistake to set `key` as well.
pub(super) fn secret_file(reader: &mut Reader, key: &str) -> Result<Option<Zeroizing<String>>, Reported> {
    let file = format!("{key}_file");
    if reader.is_set(key) && reader.is_set(&file) {
        let what = format!("{file} is set as well ({})", reader.place(&file));
        let right = format!("either {key} or {file}; remove the other");
        return Err(reader.report_wrong(key, Wrong::new(what).right(right)));
    }
    reader.read_optional(&file, |path| {
        read_value(Path::new(path), MAX_SECRET_BYTES).map_err(|error| Wrong::new(error.to_string()))
    })
}
