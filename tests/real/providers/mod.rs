//! Sign-in with the templates of real providers: Django OAuth Toolkit, zitadel/oidc, Keycloak, and oidc-provider-mock
//!
//! 1. With its template and nothing else, each provider signs a user in and renews its tokens.
//! 2. With the defaults, the sign-in works, or one line of the log names the setting to change.

mod django;
mod keycloak;
mod mock;
pub(crate) mod site;
mod zitadel;

use std::process::Command;

use crate::harness::{panic_missing, repository};

/// Returns the command of a program that `tests/tools/providers/install` installs.
fn provider_command(path: &str) -> Command {
    let program = repository().join("target/test-tools/providers").join(path);
    Command::new(if program.is_file() { program } else { panic_missing(path) })
}
