//! Benchmark of the session stores: the cost of a check, the memory of a session, and sign-ins that are not finished
//!
//! 1. A check with 100,000 sessions in each store, relative to one with a single session and to the cookie store.
//! 2. The number of allocations of a check, with and without a lookup.
//! 3. What 200,000 abandoned sign-ins leave in Redis, in the file and in the process.
//!
//! The environment variables `BENCH_SESSIONS` and `BENCH_ABANDONED` change the two numbers; 0 omits that part. They do
//! not begin with `FOREGATE_`, because the gateway reads those. Absolute times of a shared machine mean nothing, so only
//! ratios are reported.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark measures time, prints results and panics on unexpected values"
)]

mod abandoned;
#[path = "../../tests/it/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the integration tests use the rest")]
mod harness;
mod instance;
mod many;
#[path = "../../tests/support/ports.rs"]
mod ports;
mod server;
#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, reason = "the other benchmarks use the rest")]
mod support;
#[path = "../../tests/support/tickets.rs"]
mod tickets;

use std::path::{Path, PathBuf};

fn main() {
    // Connections to Redis are tasks of this thread, so that a check and its lookup are measured together.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = Folder::new();
    let (sessions, abandoned) = (number("BENCH_SESSIONS", 100_000), number("BENCH_ABANDONED", 200_000));
    if sessions > 0 {
        many::report(&runtime, &folder, sessions);
    }
    if abandoned > 0 {
        runtime.block_on(abandoned::report(&folder, abandoned));
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Returns the resident memory of a process, in bytes.
fn resident_bytes(process: u32) -> usize {
    let pages = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A folder for files, which is removed on drop. It is in memory if possible: each sign-in waits until its file has it.
struct Folder(PathBuf);

const PREFIX: &str = "foregate-bench-";

impl Folder {
    fn new() -> Self {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        for old in std::fs::read_dir(&parent).unwrap().flatten() {
            // A run that was killed did not remove its folder.
            let name = old.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _removed = std::fs::remove_dir_all(old.path());
            }
        }
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}
