//! Mistake reports for the operator

use std::fmt;

/// A mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key with its section, such as `provider.issuer`.
    pub key: String,
    /// The value as TOML would write it; absent if the key is not set, or if the value is or may be a secret.
    pub value: Option<String>,
    /// The mistake.
    pub wrong: String,
    /// The correction.
    pub right: String,
    /// The source of the value: a file and line, an environment variable, or a flag.
    pub place: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => writeln!(f, "{} = {value} ({})", self.key, self.place)?,
            None => writeln!(f, "{} ({})", self.key, self.place)?,
        }
        writeln!(f, "  wrong: {}", self.wrong)?;
        writeln!(f, "  right: {}", self.right)
    }
}

/// All mistakes of a configuration; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// Returns the mistakes, in the order of the sources and then of the keys.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// Returns the number of mistakes.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration cannot be used as it is.\n")?;
        for mistake in &self.0 {
            writeln!(f, "{mistake}")?;
        }
        match self.0.len() {
            1 => write!(f, "1 mistake in the configuration."),
            count => write!(f, "{count} mistakes in the configuration."),
        }
    }
}
