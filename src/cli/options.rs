//! Where does the configuration come from?

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
    /// Set one key, over file and environment: --set log.level=debug
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
#[error("{mistakes}{}", if *.named { "" } else { "\nNo configuration file was named: --config FILE or FOREGATE_CONFIG does." })]
pub(super) struct Unusable {
    mistakes: Mistakes,
    /// Whether a file was named; else most keys are missing because of that.
    named: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl ConfigOptions {
    /// Reads it all.
    pub(super) fn load(&self) -> Result<Settings, Unusable> {
        let sources =
            Sources { file: self.config.clone(), set: self.set.clone(), environment: environment() };
        let named = sources.names_a_file();
        config::load(&sources).map_err(|mistakes| Unusable { mistakes, named })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read, for figment")]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("FOREGATE_"))
        .collect()
}
