#![forbid(unsafe_code)]
//! The `foregate` binary: runs the command line and exits with its code

use std::process::ExitCode;

fn main() -> ExitCode {
    foregate::cli::run()
}
