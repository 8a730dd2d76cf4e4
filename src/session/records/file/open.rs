//! Opening the file, with the reason if that fails

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError,
};

use super::database::Occasion;
use super::failure::OpenError;
use super::tables;

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("foregate");
const LAYOUT: &str = "layout";
/// Changes with every change of the tables, or of the bytes of a row.
const LAYOUT_VERSION: u64 = 2;

/// Opens or creates the file with all tables.
pub(super) fn open(path: &Path, occasion: Occasion) -> Result<Database, OpenError> {
    let new = !path.exists();
    let database = with_backend(FileBackend::new(open_file(path)?).map_err(from_database)?, occasion)?;
    if new {
        // So that the file's name survives a power failure too.
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| from_io(&error))?;
    }
    Ok(database)
}

/// Opens or creates the database behind a backend.
pub(super) fn with_backend(
    backend: impl redb::StorageBackend,
    occasion: Occasion,
) -> Result<Database, OpenError> {
    let mut builder = Database::builder();
    builder.set_check_integrity_on_open(occasion == Occasion::Start).set_cache_size(CACHE_BYTES);
    let database = builder.create_with_backend(backend).map_err(from_database)?;
    if occasion == Occasion::Start || !is_prepared(&database)? {
        prepare(&database)?;
    }
    Ok(database)
}

/// The memory for pages of the file.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

fn open_file(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| from_io(&error))
}

/// Returns whether the file was prepared. It was not, if it was removed while the process ran.
fn is_prepared(database: &Database) -> Result<bool, OpenError> {
    let read = database.begin_read().map_err(|error| OpenError::Unusable(error.to_string()))?;
    let about = match read.open_table(ABOUT) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(false),
        about => about.map_err(from_table)?,
    };
    match about.get(LAYOUT).map_err(from_storage)?.map(|version| version.value()) {
        Some(LAYOUT_VERSION) => Ok(true),
        _ => Err(OpenError::OtherVersion),
    }
}

fn prepare(database: &Database) -> Result<(), OpenError> {
    let unusable = |error: redb::Error| OpenError::Unusable(error.to_string());
    let transaction = database.begin_write().map_err(|error| unusable(error.into()))?;
    let is_new = transaction.list_tables().map_err(from_storage)?.next().is_none();
    {
        let mut about = transaction.open_table(ABOUT).map_err(from_table)?;
        let version = about.get(LAYOUT).map_err(from_storage)?.map(|version| version.value());
        match version {
            Some(LAYOUT_VERSION) => {}
            Some(_) => return Err(OpenError::OtherVersion),
            None if is_new => {
                about.insert(LAYOUT, LAYOUT_VERSION).map_err(from_storage)?;
            }
            None => return Err(OpenError::NotAStore),
        }
        tables::Tables::open(&transaction).map_err(from_table)?;
    }
    transaction.commit().map_err(|error| unusable(error.into()))
}

pub(super) fn from_io(error: &io::Error) -> OpenError {
    match error.kind() {
        ErrorKind::PermissionDenied => OpenError::Denied,
        ErrorKind::NotFound => OpenError::NoDirectory,
        ErrorKind::InvalidData => OpenError::NotAStore,
        _ => OpenError::Unusable(error.to_string()),
    }
}

fn from_storage(error: StorageError) -> OpenError {
    match error {
        StorageError::Io(error) => from_io(&error),
        StorageError::Corrupted(why) => OpenError::Damaged(why),
        error => OpenError::Unusable(error.to_string()),
    }
}

fn from_table(error: TableError) -> OpenError {
    match error {
        TableError::Storage(error) => from_storage(error),
        _ => OpenError::NotAStore,
    }
}

fn from_database(error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse,
        DatabaseError::UpgradeRequired(_) => OpenError::OtherVersion,
        DatabaseError::Storage(error) => from_storage(error),
        error => OpenError::Unusable(error.to_string()),
    }
}
