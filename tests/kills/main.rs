//! The file store after its process was killed
//!
//! 1. The parent starts this program again as a child. The child writes, and prints each write that was acknowledged.
//! 2. After a random number of lines, the parent kills the child with SIGKILL, and opens the file.
//! 3. Each writer of the child has its own sessions, and a fixed sequence of writes. So the file must contain the
//!    result of the acknowledged writes, or in addition of the next one, which was in progress.
//! 4. The next round continues with the same file.
//!
//! `FOREGATE_KILLS` is the number of rounds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test program: it prints its result and panics at the first failure"
)]

mod child;
mod parent;
mod script;

use std::path::Path;
use std::sync::Arc;

use foregate::flow::ports::{Clock, UnixTime};
use foregate::session::records::Bounds;
use foregate::session::records::file::{FileRecords, OpenError};

const NOW: UnixTime = UnixTime(1_800_000_000);
const ROUNDS: u32 = 20;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        NOW
    }
}

fn open(path: &Path) -> Result<FileRecords, OpenError> {
    let bounds = Bounds { sessions: 10_000, per_user: 1_000 };
    FileRecords::open(path, bounds, Arc::new(FixedClock))
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("child") => child::run(&arguments[2..]).await,
        // The test runner of cargo asks for the names of the tests.
        Some("--list") => println!("acknowledged_writes_survive_a_kill: test"),
        _ => {
            let rounds = std::env::var("FOREGATE_KILLS").map_or(ROUNDS, |text| text.parse().unwrap());
            println!("\nrunning 1 test");
            parent::run(rounds).await;
            println!("test acknowledged_writes_survive_a_kill ... ok\n");
            println!("test result: ok. 1 passed; 0 failed; 0 ignored; {rounds} kills");
        }
    }
}
