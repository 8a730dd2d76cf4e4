//! `foregate sessions`: the sessions of a user in the running gateway

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::command::{CommandResult, block_on, print};
use super::options::ConfigOptions;

/// Longer than the gateway takes for an answer.
const TIME_LIMIT: Duration = Duration::from_secs(65);
/// The length of an answer. A user has at most a thousand sessions, and each takes some hundred bytes.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// The options of the command.
#[derive(Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the sessions of a user as JSON, one in each line. Times are seconds since 1970.
    List(Target),
    /// End all sessions of a user.
    End(Target),
}

#[derive(Args)]
struct Target {
    /// The user: `sub` of the provider, which the log names as `subject`.
    #[arg(long, value_name = "SUB")]
    user: String,
    /// The socket of the running gateway. Without it, the configuration names one (key `ops.admin_socket`).
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOptions,
}

/// The gateway did not do it.
#[derive(Debug, Error)]
enum AdminError {
    #[error(
        "ops.admin_socket is not set, so the running gateway takes no commands; set it and restart the gateway, or use --socket"
    )]
    NoSocket,
    #[error("the gateway cannot be reached at {0}: {1}; it must run, and this user must be its user or root")]
    Unreachable(PathBuf, std::io::Error),
    #[error("the gateway gave no answer that can be read; see its log")]
    NoAnswer,
    #[error("this user has no session; --user is the `sub` of the provider, not the user name")]
    NoSession,
    #[error("the gateway refused: {0}")]
    Refused(String),
}

pub(super) fn run(options: &Options) -> CommandResult {
    let (command, target) = match &options.command {
        Command::List(target) => ("list", target),
        Command::End(target) => ("end", target),
    };
    let path = match &target.socket {
        Some(path) => path.clone(),
        None => target.config.load()?.ops.admin_socket.ok_or(AdminError::NoSocket)?,
    };
    let request = json!({"command": command, "user": target.user});
    block_on(async {
        let answer = timeout(TIME_LIMIT, send(path, &request)).await.map_err(|_| AdminError::NoAnswer)??;
        print(&describe(&answer)?)
    })
}

async fn send(path: PathBuf, request: &Value) -> Result<Value, AdminError> {
    let unreachable = |error| AdminError::Unreachable(path.clone(), error);
    let mut stream = UnixStream::connect(&path).await.map_err(unreachable)?;
    stream.write_all(format!("{request}\n").as_bytes()).await.map_err(unreachable)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer).await.map_err(unreachable)?;
    serde_json::from_str(&answer).map_err(|_| AdminError::NoAnswer)
}

fn describe(answer: &Value) -> Result<String, AdminError> {
    if let Some(why) = answer.get("error").and_then(Value::as_str) {
        return Err(AdminError::Refused(why.to_owned()));
    }
    if let Some(sessions) = answer.get("sessions").and_then(Value::as_array) {
        if sessions.is_empty() {
            return Err(AdminError::NoSession);
        }
        let lines: Vec<_> = sessions.iter().map(Value::to_string).chain([String::new()]).collect();
        return Ok(lines.join("\n"));
    }
    let ended = answer.get("ended").and_then(Value::as_u64).ok_or(AdminError::NoAnswer)?;
    if ended == 0 { Err(AdminError::NoSession) } else { Ok(format!("sessions ended: {ended}\n")) }
}
