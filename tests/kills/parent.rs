//! The process that kills, and checks the file

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use foregate::flow::ports::UnixTime;
use foregate::session::records::file::{FileRecords, OpenError};
use foregate::session::records::{EndedBy, Inserted, RecordId, Records, Row, Scope, Tag};

use crate::script::{SIDS, SLOTS, Writer};
use crate::{NOW, open};

const WRITERS: u8 = 4;
/// The parent kills after at most this many lines.
const MAX_LINES: u64 = 400;

/// A directory that is removed when it is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Kills a child in each round. Panics at the first difference.
pub(crate) async fn run(rounds: u32) {
    let folder = Folder(std::env::temp_dir().join(format!("foregate-kills-{}", std::process::id())));
    std::fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("sessions.redb");
    let seed = random();
    println!("seed {seed}");
    let mut writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(number, seed)).collect();
    let (mut acknowledged, mut in_progress, mut undone) = (0, 0, 0);
    for round in 1..=rounds {
        let steps: Vec<_> = writers.iter().map(|writer| writer.steps).collect();
        let lines = kill(&path, seed, &steps, 1 + random() % MAX_LINES);
        let copy = folder.0.join("copy.redb");
        std::fs::copy(&path, &copy).unwrap();
        let store = open(&path).unwrap();
        for (index, writer) in writers.iter_mut().enumerate() {
            let count = lines.iter().filter(|line| **line == index).count() as u64;
            let (found, last) = (find(&store, writer, count).await, writer.steps + count);
            *writer = found.unwrap_or_else(|| panic!("round {round}: writer {index} after step {last}"));
            acknowledged += count;
            in_progress += u64::from(writer.steps > last);
            undone += last.saturating_sub(writer.steps);
        }
        let total: usize = writers.iter().map(|writer| writer.rows.len()).sum();
        assert_eq!(store.count().await, Ok(Some(total)), "round {round}");
        drop(store);
        let copy = open(&copy).unwrap();
        for writer in &writers {
            check_indexes(&copy, writer).await;
        }
    }
    println!("{acknowledged} acknowledged writes, {undone} of them with only `active_at` undone");
    println!(
        "{in_progress} writes in progress were there, {} were not",
        u64::from(WRITERS) * u64::from(rounds) - in_progress
    );
}

/// Runs a child, and kills it after this many lines. Returns the writer of each acknowledged step.
fn kill(path: &Path, seed: u64, steps: &[u64], lines: u64) -> Vec<usize> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("child").arg(path).arg(seed.to_string()).args(steps.iter().map(u64::to_string));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        acknowledged.push(line.trim_end().parse().unwrap());
        line.clear();
        if acknowledged.len() as u64 == 1 {
            let refused = open(path).unwrap_err();
            assert_eq!(refused, OpenError::InUse);
        }
        if acknowledged.len() as u64 == lines {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "the child failed: {status}");
    acknowledged
}

/// Returns the writer after the steps whose sessions the file contains.
async fn find(store: &FileRecords, writer: &Writer, acknowledged: u64) -> Option<Writer> {
    let mut known: Vec<Writer> = vec![writer.clone()];
    for _ in 0..=acknowledged {
        let mut next = known.last()?.clone();
        next.advance();
        known.push(next);
    }
    // What was acknowledged must be there, except writes of `active_at` at the end.
    let durable = known.iter().rev().nth(1)?.durable;
    let mut found = Vec::new();
    for slot in 0..SLOTS {
        found.extend(store.find(writer.id(slot)).await.unwrap());
    }
    let mut of_user = store.of_user(&[writer.subject()], NOW).await.unwrap();
    of_user.sort_by_key(|row| row.id);
    assert_eq!(of_user, found, "the index of users");
    known.retain(|known| known.steps >= durable && known.rows.values().eq(&found));
    // The write in progress counts only if it is visible, because the next child repeats it otherwise.
    let last = writer.steps + acknowledged;
    let before = known.iter().rposition(|known| known.steps <= last);
    before.map(|index| known.swap_remove(index)).or_else(|| known.pop())
}

/// Checks what only a write can show.
async fn check_indexes(store: &FileRecords, writer: &Writer) {
    for (tag, issued_at) in &writer.marks {
        let refused = Row { sid: Some(*tag), issued_at: *issued_at, ..writer.some_row(writer.id(SLOTS)) };
        assert_eq!(store.insert(&refused, NOW).await, Ok(Inserted::Ended), "{tag:?}");
    }
    let ids = |has: &dyn Fn(&Row) -> bool| {
        writer.rows.values().filter(|row| has(row)).map(|row| row.id).collect::<Vec<RecordId>>()
    };
    let mut ended = Vec::new();
    for tag in (0..SIDS).map(|sid| writer.sid(sid)) {
        let expected = ids(&|row| row.sid == Some(tag));
        assert_eq!(store.end_by(&ended_by(tag)).await.as_ref(), Ok(&expected), "the index of `sid`");
        ended.extend(expected);
    }
    let expected = ids(&|row| !ended.contains(&row.id));
    assert_eq!(store.end_by(&ended_by(writer.subject())).await, Ok(expected), "the index of users");
}

fn ended_by(tag: Tag) -> EndedBy {
    EndedBy {
        tags: vec![tag],
        scope: Scope::Every,
        arrived_at: None,
        issued_at: UnixTime(u64::MAX),
        refused_until: UnixTime(u64::MAX),
    }
}
