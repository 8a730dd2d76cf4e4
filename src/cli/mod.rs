//! Command line of the `foregate` binary

mod check;
mod command;
#[cfg(feature = "demo")]
mod demo;
mod options;
mod secret;
mod serve;
mod sessions;
mod template;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::command::Logged;
use self::options::ConfigOptions;

/// An identity-aware gateway: signs users in with OpenID Connect and passes their identity to applications.
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
    /// Report everything that is wrong with the configuration, and exit.
    Check(check::Options),
    /// List or end the sessions of a user in the running gateway.
    Sessions(sessions::Options),
    /// Print a key for session.keys.
    Secret,
    /// Print a configuration file with every key, its default and its meaning, or a small file for one provider.
    Template(template::Options),
    /// Run a provider, the gateway and an application on this machine, as a demonstration. Needs no configuration.
    #[cfg(feature = "demo")]
    Demo(demo::Options),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Sessions(options) => sessions::run(&options),
        Command::Secret => secret::run(),
        Command::Template(options) => template::run(&options),
        #[cfg(feature = "demo")]
        Command::Demo(options) => demo::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Logged>() => ExitCode::FAILURE,
        Err(error) => {
            // If standard error is closed, the error cannot be reported anywhere.
            let _written = writeln!(io::stderr(), "foregate: {error}");
            ExitCode::FAILURE
        }
    }
}
