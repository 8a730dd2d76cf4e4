//! `foregate check`: validation of the configuration

use std::fmt::Write;
use std::sync::Arc;

use clap::Args;
use thiserror::Error;

use super::command::{CommandResult, block_on, print};
use super::options::ConfigOptions;
use crate::config::Settings;
use crate::provider::{Finding, Needs, compare_online};
use crate::server::SystemClock;

/// The options of the command.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: ConfigOptions,
    /// Also fetch the provider's discovery document and keys, and report where the configuration differs from them.
    #[arg(long)]
    online: bool,
}

/// The configuration does not fit the provider.
#[derive(Debug, Error)]
#[error("the configuration is valid, but does not fit the provider ({errors} found)")]
struct DoesNotFit {
    errors: usize,
}

pub(super) fn run(options: &Options) -> CommandResult {
    let settings = options.config.load()?;
    let mut text = String::new();
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    if options.online {
        print(&text)?;
        return block_on(compare(settings));
    }
    writeln!(text, "The configuration is valid.")?;
    print(&text)
}

async fn compare(settings: Settings) -> CommandResult {
    let needs = Needs { user: &settings.claims.user, logs_out_at_provider: settings.sign_in.provider_logout };
    let findings = compare_online(&settings.provider, &needs, Arc::new(SystemClock)).await?;
    let mut text = String::new();
    for finding in &findings {
        writeln!(text, "{}: {finding}", if finding.is_fatal() { "error" } else { "warning" })?;
    }
    let errors = findings.iter().filter(|finding| finding.is_fatal()).count();
    if errors == 0 {
        writeln!(text, "The configuration is valid, and the provider {}.", summary(&findings))?;
    }
    print(&text)?;
    if errors == 0 { Ok(()) } else { Err(DoesNotFit { errors }.into()) }
}

fn summary(findings: &[Finding]) -> &'static str {
    if findings.is_empty() { "fits it" } else { "fits it, except for the warnings" }
}
