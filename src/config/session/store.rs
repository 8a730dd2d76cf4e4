//! Where sessions are

use std::path::{Path, PathBuf};

use crate::config::checks::choice;
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong};

const STORE: &str = "session.store";
const FILE: &str = "session.file";

/// Where sessions are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStorage {
    /// In the browser, sealed.
    Cookie,
    /// In this file.
    File(PathBuf),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Cookie,
    File,
}

/// Reads the store and what it needs. A setting of another store is a mistake.
pub(super) fn read(reader: &mut Reader) -> Result<SessionStorage, Reported> {
    let store =
        reader.read_required(STORE, |text| choice(text, &[("cookie", Store::Cookie), ("file", Store::File)]));
    let file = reader.read_optional(FILE, parse_file);
    match (store?, file?) {
        (Store::Cookie, None) => Ok(SessionStorage::Cookie),
        (Store::File, Some(path)) => Ok(SessionStorage::File(path)),
        (Store::File, None) => Err(reader.report_missing(FILE)),
        (Store::Cookie, Some(_)) => {
            let wrong = Wrong::new("session.file is set, but only the store \"file\" uses it");
            Err(reader.report_wrong(STORE, wrong.right("\"file\"; or remove session.file")))
        }
    }
}

fn parse_file(text: &str) -> Result<PathBuf, Wrong> {
    let path = Path::new(text);
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(Wrong::new("its directory does not exist"));
    }
    if path.is_dir() {
        return Err(Wrong::new("it is a directory"));
    }
    Ok(path.to_owned())
}
