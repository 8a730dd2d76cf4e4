//! Execution and result of a command

use std::io::{self, Write};

use thiserror::Error;

/// The result of a command. The error explains the failure to the user of the command line.
pub(super) type CommandResult = Result<(), Box<dyn std::error::Error>>;

/// A command failed, and the log contains the reason.
#[derive(Debug, Error)]
#[error("failed; see the log for the reason")]
pub(super) struct Logged;

/// Runs a command to its end. A thread that still blocks then, for example in a name lookup, does not delay the exit.
pub(super) fn block_on(command: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

/// Writes to standard output.
pub(super) fn print(text: &str) -> CommandResult {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
