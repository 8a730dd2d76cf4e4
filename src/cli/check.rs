//! `foregate check`: validation of the configuration

mod session_store;

use std::fmt::Write;
use std::sync::Arc;

use clap::Args;
use thiserror::Error;

use self::session_store::StoreReport;
use super::command::{CommandResult, block_on, print};
use super::options::ConfigOptions;
use crate::config::Settings;
use crate::provider::{ClientAuthentication, Comparison, Needs, compare_online};
use crate::server::SystemClock;

/// The options of the command.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: ConfigOptions,
    /// Also fetch the provider's discovery document and keys, and report where the configuration differs from them. With
    /// session.store = "redis", also store, change and end a test session there.
    #[arg(long)]
    online: bool,
}

/// The comparison with the provider, or the test of the session store, found an error.
#[derive(Debug, Error)]
enum OnlineError {
    #[error("the configuration is valid, but does not fit the provider ({0})")]
    DoesNotFit(String),
    #[error("the configuration is valid, but the provider could not be checked ({0})")]
    NotChecked(String),
    #[error("the configuration is valid, but sessions cannot be stored ({0})")]
    NotStored(String),
}

pub(super) fn run(options: &Options) -> CommandResult {
    let settings = options.config.load()?;
    let mut text = String::new();
    for warning in &settings.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    text.push_str(&session_store::describe(&settings));
    if options.online {
        print(&text)?;
        return block_on(compare(settings));
    }
    writeln!(text, "The configuration is valid.")?;
    print(&text)
}

async fn compare(settings: Settings) -> CommandResult {
    let needs = Needs {
        user: &settings.claims.user,
        groups: &settings.claims.groups,
        logs_out_at_provider: settings.sign_in.provider_logout,
    };
    let Comparison { findings, has_document } =
        compare_online(&settings.provider, &needs, Arc::new(SystemClock)).await?;
    let store = session_store::test(&settings).await?;
    let mut text = String::new();
    for finding in &findings {
        writeln!(text, "{}: {finding}", if finding.is_fatal() { "error" } else { "warning" })?;
    }
    let StoreReport { text: of_store, errors: errors_of_store, warnings: warnings_of_store } = store;
    text.push_str(&of_store);
    let of_provider = findings.iter().filter(|finding| finding.is_fatal()).count();
    let errors = of_provider + errors_of_store;
    let warnings = findings.len() - of_provider + warnings_of_store + settings.warnings.len();
    if errors > 0 {
        print(&text)?;
        let count = describe_count(errors, warnings);
        let error = match (of_provider, has_document) {
            (0, _) => OnlineError::NotStored,
            (_, true) => OnlineError::DoesNotFit,
            (_, false) => OnlineError::NotChecked,
        };
        return Err(error(count).into());
    }
    let except = if warnings == 0 { "" } else { ", except for the warnings" };
    writeln!(text, "The configuration is valid, and the provider fits it{except}.")?;
    writeln!(text, "{}", untested(&settings.provider.client_authentication))?;
    print(&text)
}

/// Returns what the documents of the provider cannot show.
fn untested(client: &ClientAuthentication) -> &'static str {
    match client {
        ClientAuthentication::Basic(_) | ClientAuthentication::Post(_) => {
            "The client ID and the secret were not tested: only a sign-in tests them."
        }
        ClientAuthentication::PrivateKey { .. } => {
            "The client ID and the key were not tested: only a sign-in tests them."
        }
        ClientAuthentication::None => "The client ID was not tested: only a sign-in tests it.",
    }
}

fn describe_count(errors: usize, warnings: usize) -> String {
    let some = |number, name| format!("{number} {name}{}", if number == 1 { "" } else { "s" });
    match warnings {
        0 => some(errors, "error"),
        _ => format!("{}, {}", some(errors, "error"), some(warnings, "warning")),
    }
}
