//! What can a person ask of the binary?

mod check;
mod command;
#[cfg(feature = "demo")]
mod demo;
mod options;
mod secret;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::command::{Logged, print};
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
