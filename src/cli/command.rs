//! How does a command run, and how does it end?

use std::io::{self, Write};

use thiserror::Error;

/// Why a command failed, in words for the person who gave it.
pub(super) type CommandResult = Result<(), Box<dyn std::error::Error>>;

/// A command failed, and the log says why.
#[derive(Debug, Error)]
#[error("the log says why")]
pub(super) struct Logged;

/// Runs a command to its end. A thread that still blocks then, such as one that looks up a name, does not hold the exit.
pub(super) fn block_on(command: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    runtime.shutdown_background();
    done
}

/// Writes to standard output.
pub(super) fn print(text: &str) -> CommandResult {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
