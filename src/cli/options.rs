//! Command-line options that name the sources of the configuration

use std::path::PathBuf;

use clap::Args;
use thiserror::Error;

use crate::config::{self, Mistakes, Settings, Sources};

/// The options of every command that reads the configuration.
#[derive(Args)]
pub(super) struct ConfigOptions {
    /// The configuration file (TOML). Without it, `FOREGATE_CONFIG` names one.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one key. It takes precedence over the file and the environment: --set log.level=debug
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    set: Vec<(String, String)>,
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
#[error("{mistakes}{}", if *.named { "" } else { "\nNo configuration file was named. Name it with --config FILE or FOREGATE_CONFIG." })]
pub(super) struct UnusableConfig {
    mistakes: Mistakes,
    /// Whether a file was named. If not, most keys are missing for that reason.
    named: bool,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("the argument is not KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl ConfigOptions {
    /// Reads the configuration from the file, the environment and `--set`.
    pub(super) fn load(&self) -> Result<Settings, UnusableConfig> {
        let sources =
            Sources { file: self.config.clone(), set: self.set.clone(), environment: read_environment() };
        let named = sources.names_a_file();
        config::load(&sources).map_err(|mistakes| UnusableConfig { mistakes, named })
    }
}

#[expect(clippy::disallowed_methods, reason = "the only function that reads the environment, for figment")]
fn read_environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("FOREGATE_"))
        .collect()
}
