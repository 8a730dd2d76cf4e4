//! The sources of the configuration, and their precedence.

use std::path::PathBuf;

use figment::Figment;

use super::given::Given;
use super::report::{Report, Reported};
use super::{environment, file, template};
use crate::files::read_text;

/// The limit of a configuration file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What the process was given. Nothing is taken from anywhere else.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`; without it `FOREGATE_CONFIG` may name one.
    pub file: Option<PathBuf>,
    /// `--set key=value`, in order.
    pub set: Vec<(String, String)>,
    /// The environment; what does not begin with `FOREGATE_` is passed over.
    pub environment: Vec<(String, String)>,
}

impl Sources {
    /// Whether a file is named at all.
    pub fn names_a_file(&self) -> bool {
        self.path().is_some()
    }

    /// Puts the sources one over the other. Fails only where the file cannot be read at all, because then everything
    /// in it would be called missing.
    pub(super) fn gather(&self, report: &mut Report) -> Result<Figment, Reported> {
        let defaults = file::read(report, &template::defaults(), "the defaults")?;
        let defaults = defaults.into_iter().map(|given| given.at("the default"));
        let file = self.read_file(report);
        let variables = environment::read_variables(report, &self.environment);
        let flags = environment::read_flags(report, &self.set);
        Ok(defaults.chain(file?).chain(variables).chain(flags).fold(Figment::new(), Figment::merge::<Given>))
    }

    fn read_file(&self, report: &mut Report) -> Result<Vec<Given>, Reported> {
        let Some((path, place)) = self.path() else { return Ok(Vec::new()) };
        let name = path.display().to_string();
        match read_text(&path, MAX_FILE_BYTES) {
            Ok(text) => file::read(report, &text, &name),
            Err(error) => {
                let right = "the path of a TOML file that this process may read".to_owned();
                Err(report.other("the file", Some(format!("{name:?}")), place, error.to_string(), right))
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
