//! Tests of the store in a file

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use std::sync::Mutex;

use redb::backends::FileBackend;
use redb::{ReadableDatabase, ReadableTableMetadata, StorageBackend, TableHandle};

use super::super::Scope;
use super::super::contract::{self, BOUNDS, Fixture, NOW, TestClock, row};
use super::database::Occasion;
use super::*;

/// A directory that is removed when it is dropped.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("foregate-records-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("sessions.redb")
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

struct InFile {
    store: FileRecords,
    _folder: TempDir,
}

impl Fixture for InFile {
    type Store = FileRecords;

    async fn start(bounds: Bounds, clock: Arc<TestClock>) -> Self {
        let folder = TempDir::new();
        Self { store: FileRecords::open(folder.store(), bounds, clock).unwrap(), _folder: folder }
    }

    fn store(&self) -> &FileRecords {
        &self.store
    }
}

contract::contract!(InFile);

fn open(path: &Path) -> Result<FileRecords, OpenError> {
    FileRecords::open(path, BOUNDS, TestClock::new())
}

#[tokio::test]
async fn rows_and_marks_survive_a_reopen() {
    let folder = TempDir::new();
    let ended = EndedBy {
        tags: vec![Tag([7; 16])],
        scope: Scope::Every,
        arrived_at: Some(NOW),
        issued_at: NOW,
        refused_until: UnixTime(NOW.0 + 9),
    };
    let next = Row { revision: 2, active_at: NOW.0 + 1, ..row(1) };
    {
        let store = open(&folder.store()).unwrap();
        store.insert(&row(1), NOW).await.unwrap();
        store.insert(&row(2), NOW).await.unwrap();
        store.end_by(&ended).await.unwrap();
        // Not durable by itself, but closing the file writes it.
        store.compare_and_swap(1, &next, Kept::Replicated).await.unwrap();
    }
    let store = open(&folder.store()).unwrap();
    assert_eq!(store.of_user(&[row(1).subject], NOW).await, Ok(vec![next, row(2)]));
    let refused = Row { sid: Some(Tag([7; 16])), ..row(3) };
    assert_eq!(store.insert(&refused, NOW).await, Ok(Inserted::Ended));
}

/// Otherwise, each write would fail at the first of them that expires.
#[tokio::test]
async fn row_of_an_older_version_counts_as_none_and_expires() {
    let folder = TempDir::new();
    let rows = redb::TableDefinition::<[u8; 16], &[u8]>::new("rows");
    open(&folder.store()).unwrap().insert(&row(1), NOW).await.unwrap();
    {
        let database = redb::Database::create(folder.store()).unwrap();
        let write = database.begin_write().unwrap();
        let older = [&[0], &row(1).encode().unwrap()[1..]].concat();
        write.open_table(rows).unwrap().insert(row(1).id.0, &*older).unwrap();
        write.commit().unwrap();
    }
    let store = open(&folder.store()).unwrap();
    assert_eq!(store.find(row(1).id).await, Ok(None));
    assert_eq!(store.of_user(&[row(1).subject], NOW).await, Ok(vec![]));
    let later = UnixTime(row(1).ends_at);
    assert_eq!(store.insert(&Row { ends_at: later.0 + 1, ..row(2) }, later).await, Ok(Inserted::Stored));
    assert_eq!(store.count().await, Ok(Some(1)), "the older row was swept");
}

#[tokio::test]
async fn second_open_in_this_process_is_refused() {
    let folder = TempDir::new();
    let store = open(&folder.store()).unwrap();
    let refused = open(&folder.store()).unwrap_err();
    assert_eq!(refused.to_string(), "another process uses it; a file store serves one process");
    assert_eq!(store.insert(&row(1), NOW).await, Ok(Inserted::Stored));
    drop(store);
    assert_eq!(open(&folder.store()).unwrap().find(row(1).id).await, Ok(Some(row(1))));
}

#[test]
fn new_file_is_readable_by_its_owner_only() {
    let folder = TempDir::new();
    let _store = open(&folder.store()).unwrap();
    assert_eq!(folder.store().metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn unusable_file_returns_the_reason() {
    let folder = TempDir::new();
    assert_eq!(open(&folder.0.join("missing/x")).unwrap_err(), OpenError::NoDirectory);
    assert!(matches!(open(&folder.0), Err(OpenError::Unusable(_))), "a directory");
    std::fs::write(folder.store(), "a text that is longer than the first page".repeat(1000)).unwrap();
    assert_eq!(open(&folder.store()).unwrap_err(), OpenError::NotAStore);
    std::fs::remove_file(folder.store()).unwrap();
    let other = redb::Database::create(folder.store()).unwrap();
    let write = other.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<u64, u64>::new("rows")).unwrap();
    write.commit().unwrap();
    drop(other);
    assert_eq!(open(&folder.store()).unwrap_err(), OpenError::NotAStore, "a database of another program");
}

#[test]
fn refused_access_is_reported_in_words() {
    let refused = open::from_io(&io::ErrorKind::PermissionDenied.into());
    assert_eq!(refused.to_string(), "this process has no permission to read and write it");
}

#[tokio::test]
async fn damaged_file_is_refused() {
    let folder = TempDir::new();
    let store = open(&folder.store()).unwrap();
    for number in 0..50 {
        store.insert(&row(number), NOW).await.unwrap();
    }
    drop(store);
    let mut bytes = std::fs::read(folder.store()).unwrap();
    let sealed = bytes.windows(100).position(|bytes| bytes == [7; 100]).unwrap();
    bytes[sealed] ^= 1;
    std::fs::write(folder.store(), &bytes).unwrap();
    let refused = open(&folder.store()).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
}

/// Returns the name and the number of entries of each table that is not empty.
fn entries(path: &Path) -> Vec<(String, u64)> {
    let database = redb::Database::open(path).unwrap();
    let read = database.begin_read().unwrap();
    let tables = read.list_tables().unwrap().map(|table| {
        let name = table.name().to_owned();
        (name, read.open_untyped_table(table).unwrap().len().unwrap())
    });
    tables.filter(|(name, entries)| name != "foregate" && *entries > 0).collect()
}

#[tokio::test]
async fn marks_have_a_bound_and_expired_entries_are_removed() {
    let folder = TempDir::new();
    let clock = TestClock::new();
    let bounds = Bounds { sessions: 3, per_user: 3 };
    let open = || FileRecords::open(folder.store(), bounds, clock.clone()).unwrap();
    let store = open();
    for tag in 1..=5 {
        let refused_until = UnixTime(NOW.0 + 10 - u64::from(tag));
        let ended = EndedBy {
            tags: vec![Tag([tag; 16])],
            scope: Scope::Every,
            arrived_at: Some(NOW),
            issued_at: NOW,
            refused_until,
        };
        store.end_by(&ended).await.unwrap();
    }
    for number in 1..=3 {
        store.insert(&Row { sid: Some(Tag([9; 16])), ..row(number) }, NOW).await.unwrap();
    }
    drop(store);
    let count = |name: &str, entries| (name.to_owned(), entries);
    let names = ["ends", "mark_ends", "marks", "rows", "sids", "subjects"];
    assert_eq!(entries(&folder.store()), names.map(|name| count(name, 3)));
    let store = open();
    let later = UnixTime(NOW.0 + 100);
    assert_eq!(store.insert(&Row { ends_at: later.0 + 1, ..row(4) }, later).await, Ok(Inserted::Stored));
    drop(store);
    assert_eq!(entries(&folder.store()), ["ends", "rows", "subjects"].map(|name| count(name, 1)));
}

#[tokio::test]
async fn call_that_waits_too_long_fails() {
    let folder = TempDir::new();
    let mut store = open(&folder.store()).unwrap();
    let max = u32::try_from(MAX_CONCURRENT_CALLS).unwrap();
    let others = Arc::clone(&store.writes).try_acquire_many_owned(max).unwrap();
    store.max_wait = Duration::ZERO;
    let late = RecordsError("no answer within 0 seconds".to_owned());
    assert_eq!(store.insert(&row(1), NOW).await, Err(late));
    store.max_wait = MAX_WAIT;
    assert_eq!(store.find(row(1).id).await, Ok(None), "reads do not wait for writes");
    drop(others);
    assert_eq!(store.find(row(1).id).await, Ok(None), "it was not even started");
}

/// A file whose disk is full while the flag is set.
#[derive(Debug)]
struct FullDisk(FileBackend, Arc<AtomicBool>);

impl FullDisk {
    fn check(&self) -> io::Result<()> {
        if self.1.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for FullDisk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.0.write(offset, data)
    }
}

#[tokio::test]
async fn store_works_again_after_its_disk_was_full() {
    let folder = TempDir::new();
    let is_full = Arc::new(AtomicBool::new(false));
    let (path, flag) = (folder.store(), Arc::clone(&is_full));
    let opened = Arc::new(Mutex::new(Vec::new()));
    let occasions = Arc::clone(&opened);
    let open = move |occasion| {
        occasions.lock().unwrap().push(occasion);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        open::with_backend(FullDisk(FileBackend::new(file).unwrap(), Arc::clone(&flag)), occasion)
    };
    let mut store = FileRecords::open_with(Box::new(open), BOUNDS, TestClock::new()).unwrap();
    store.insert(&row(1), NOW).await.unwrap();
    is_full.store(true, Ordering::Relaxed);
    for _ in 0..5 {
        assert!(store.insert(&row(2), NOW).await.is_err());
    }
    let tried = [Occasion::Start, Occasion::Failure];
    assert_eq!(*opened.lock().unwrap(), tried, "after a failure, calls fail for a second without a try");
    Arc::get_mut(&mut store.database).unwrap().retry_after = Duration::ZERO;
    is_full.store(false, Ordering::Relaxed);
    assert_eq!(store.insert(&row(2), NOW).await, Ok(Inserted::Stored));
    assert_eq!(store.of_user(&[row(1).subject], NOW).await, Ok(vec![row(1), row(2)]));
}
