//! `foregate check`: is the configuration right?

use std::fmt::Write;

use super::options::ConfigOptions;
use super::{CommandResult, print};

pub(super) fn run(options: &ConfigOptions) -> CommandResult {
    let settings = options.load()?;
    let mut text = String::new();
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    writeln!(text, "The configuration is right.")?;
    print(&text)
}
