//! Where does the configuration come from?

use std::path::PathBuf;

use clap::Args;

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

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl ConfigOptions {
    /// Reads it all.
    pub(super) fn load(&self) -> Result<Settings, Mistakes> {
        config::load(&Sources {
            file: self.config.clone(),
            set: self.set.clone(),
            environment: environment(),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read, for figment")]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("FOREGATE_"))
        .collect()
}
