//! `foregate check`: is the configuration right?

use std::fmt::Write;

use super::command::{CommandResult, print};
use super::options::ConfigOptions;

pub(super) fn run(options: &ConfigOptions) -> CommandResult {
    let settings = options.load()?;
    let mut text = String::new();
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    writeln!(text, "The configuration is right.")?;
    print(&text)
}
