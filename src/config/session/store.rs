//! Where sessions are

use std::path::{Path, PathBuf};

use super::redis;
use crate::config::checks::choice;
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong};
use crate::session::records::redis::RedisSettings;

const STORE: &str = "session.store";
const FILE: &str = "session.file";

/// Where sessions are.
#[derive(Clone, Debug)]
pub enum SessionStorage {
    /// In the browser, sealed.
    Cookie,
    /// In this file.
    File(PathBuf),
    /// In Redis.
    Redis(Box<RedisSettings>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Cookie,
    File,
    Redis,
}

/// Reads the store and what it needs. A setting of another store is a mistake.
pub(super) fn read(reader: &mut Reader) -> Result<SessionStorage, Reported> {
    let choices = [("cookie", Store::Cookie), ("file", Store::File), ("redis", Store::Redis)];
    let store = reader.read_required(STORE, |text| choice(text, &choices));
    let file = reader.read_optional(FILE, parse_file);
    let store = store?;
    refuse_others(reader, store)?;
    match (store, file?) {
        (Store::Cookie, _) => Ok(SessionStorage::Cookie),
        (Store::Redis, _) => Ok(SessionStorage::Redis(Box::new(redis::read(reader)?))),
        (Store::File, Some(path)) => Ok(SessionStorage::File(path)),
        (Store::File, None) => Err(reader.report_missing(FILE)),
    }
}

/// Reports a setting that only another store uses.
fn refuse_others(reader: &mut Reader, store: Store) -> Result<(), Reported> {
    let file = Some(FILE.to_owned()).filter(|file| store != Store::File && reader.is_set(file));
    let redis = redis::chosen(reader).filter(|_| store != Store::Redis);
    let (key, user) = match (file, redis) {
        (Some(key), _) => (key, "file"),
        (None, Some(key)) => (key, "redis"),
        (None, None) => return Ok(()),
    };
    let wrong = Wrong::new(format!("{key} is set, but only the store \"{user}\" uses it"));
    Err(reader.report_wrong(STORE, wrong.right(format!("\"{user}\"; or remove {key}"))))
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
