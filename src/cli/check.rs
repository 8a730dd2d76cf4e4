//! `foregate check`: validation of the configuration

use std::fmt::Write;

use super::command::{CommandResult, print};
use super::options::ConfigOptions;

pub(super) fn run(options: &ConfigOptions) -> CommandResult {
    let settings = options.load()?;
    let mut text = String::new();
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    writeln!(text, "The configuration is valid.")?;
    print(&text)
}
