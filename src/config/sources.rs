//! Where does the configuration come from, and which source wins?

use std::path::PathBuf;

use figment::Figment;

use super::checks::read_file;
use super::given::Given;
use super::report::{Report, Told};
use super::{environment, file, template};

/// No configuration of ours is longer.
const LONGEST_FILE: u64 = 1024 * 1024;

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
    pub(super) fn gather(&self, report: &mut Report) -> Result<Figment, Told> {
        let defaults = file::read(report, &template::defaults(), "the defaults")?;
        let defaults = defaults.into_iter().map(|given| given.at("the default"));
        let file = self.read_file(report);
        let variables = environment::read_variables(report, &self.environment);
        let flags = environment::read_flags(report, &self.set);
        Ok(defaults.chain(file?).chain(variables).chain(flags).fold(Figment::new(), Figment::merge::<Given>))
    }

    fn read_file(&self, report: &mut Report) -> Result<Vec<Given>, Told> {
        let Some((path, place)) = self.path() else { return Ok(Vec::new()) };
        let name = path.display().to_string();
        let text = read_file(&path, LONGEST_FILE)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()));
        match text {
            Ok(text) => file::read(report, &text, &name),
            Err(wrong) => {
                let right = "the path of a TOML file that this process may read".to_owned();
                Err(report.other("the file", Some(format!("{name:?}")), place, wrong, right))
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
