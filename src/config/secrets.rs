//! How is a secret read: from its key, or from the file that its key with `_file` names?

use std::path::Path;

use zeroize::Zeroizing;

use super::checks::read_file;
use super::reader::Reader;
use super::report::{Told, Wrong};
use crate::secret::Secret;

/// No secret of ours is longer.
const LONGEST: u64 = 64 * 1024;

/// The secret of a key, if it is set either way.
pub(super) fn secret(reader: &mut Reader, key: &str) -> Result<Option<Secret>, Told> {
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
pub(super) fn secret_file(reader: &mut Reader, key: &str) -> Result<Option<Zeroizing<String>>, Told> {
    let file = format!("{key}_file");
    if reader.is_set(key) && reader.is_set(&file) {
        let what = format!("{file} is set as well ({})", reader.place(&file));
        let right = format!("either {key} or {file}; take the other away");
        return Err(reader.wrong(key, Wrong::new(what).right(right)));
    }
    reader.may(&file, |path| read_text(Path::new(path)).map_err(Wrong::new))
}

/// The file's text without the line break that editors and `echo` leave at its end; fails with what is wrong with it.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>, String> {
    let bytes = Zeroizing::new(read_file(path, LONGEST)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| "the file is not UTF-8 text")?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err("the file is empty".to_owned());
    }
    Ok(Zeroizing::new(text.to_owned()))
}
