//! What can a person ask of the binary?

mod check;
#[cfg(feature = "demo")]
mod demo;
mod options;
mod secret;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use thiserror::Error;

use self::options::ConfigOptions;

/// An identity-aware gateway: signs people in with OpenID Connect and tells applications who they are.
#[derive(Parser)]
#[command(name = "foregate", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(ConfigOptions),
    /// Say everything that is wrong with the configuration, and exit.
    Check(ConfigOptions),
    /// Print a key for session.keys.
    Secret,
    /// Print a configuration file with every key, its default and what it means.
    Template,
    /// Run a provider, the gateway and an application on this machine, to see how it works. Needs no configuration.
    #[cfg(feature = "demo")]
    Demo(demo::Options),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Secret => secret::run(),
        Command::Template => print(&crate::config::template()),
        #[cfg(feature = "demo")]
        Command::Demo(options) => demo::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Logged>() => ExitCode::FAILURE,
        Err(error) => {
            // Nowhere left to say that standard error is closed.
            let _told = writeln!(io::stderr(), "foregate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed, in words for the person who gave it.
type CommandResult = Result<(), Box<dyn std::error::Error>>;

/// A command failed, and the log says why.
#[derive(Debug, Error)]
#[error("the log says why")]
struct Logged;

/// Runs a command to its end. A thread that still blocks then, such as one that looks up a name, does not hold the exit.
fn block_on(command: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    runtime.shutdown_background();
    done
}

fn print(text: &str) -> CommandResult {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
