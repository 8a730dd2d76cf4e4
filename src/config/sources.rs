//! Sources of the configuration, and their precedence

use std::path::PathBuf;

use figment::Figment;

use super::report::{Report, Reported};
use super::source_value::{DEFAULT, SourceValue};
use super::{environment, file, template};
use crate::files::read_text;

/// The size limit of a configuration file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// All inputs of the configuration. No other source is read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`; without it `FOREGATE_CONFIG` may name one.
    pub file: Option<PathBuf>,
    /// `--set key=value`, in order.
    pub set: Vec<(String, String)>,
    /// The environment. Variables that do not begin with `FOREGATE_` are ignored.
    pub environment: Vec<(String, String)>,
}

impl Sources {
    /// Returns whether a file is named.
    pub fn names_a_file(&self) -> bool {
        self.path().is_some()
    }

    /// Merges the sources. Fails only if the file cannot be read at all, because every key in it would otherwise be
    /// reported as missing.
    pub(super) fn gather(&self, report: &mut Report) -> Result<Figment, Reported> {
        let defaults = file::read(report, &template::defaults(), "the defaults")?;
        let defaults = defaults.into_iter().map(|given| given.at(DEFAULT));
        let file = self.read_file(report);
        let variables = environment::read_variables(report, &self.environment);
        let flags = environment::read_flags(report, &self.set);
        Ok(defaults
            .chain(file?)
            .chain(variables)
            .chain(flags)
            .fold(Figment::new(), Figment::merge::<SourceValue>))
    }

    fn read_file(&self, report: &mut Report) -> Result<Vec<SourceValue>, Reported> {
        let Some((path, place)) = self.path() else { return Ok(Vec::new()) };
        let name = path.display().to_string();
        match read_text(&path, MAX_FILE_BYTES) {
            Ok(text) => file::read(report, &text, &name),
            Err(error) => {
                let right = "the path of a TOML file that this process may read".to_owned();
                Err(report.add_other("the file", Some(format!("{name:?}")), place, error.to_string(), right))
            }
        }
    }

    fn path(&self) -> Option<(PathBuf, &'static str)> {
        if let Some(path) = &self.file {
            return Some((path.clone(), "named by the flag --config"));
        }
        let named = self.environment.iter().find(|(name, _)| name == environment::CONFIG);
        named.map(|(_, path)| (path.into(), "named by the environment variable FOREGATE_CONFIG"))
    }
}
