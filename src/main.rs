#![forbid(unsafe_code)]
//! Foregate: parse the command line, run it, exit with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    foregate::cli::run()
}
