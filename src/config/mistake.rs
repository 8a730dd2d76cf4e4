//! How is a mistake told to the operator?

use std::fmt;

/// Something in the configuration that cannot be used as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key with its section, such as `provider.issuer`.
    pub key: String,
    /// The value as TOML would write it; absent where nothing is set, or where it is or may be a secret.
    pub value: Option<String>,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub right: String,
    /// Where it was set: a file and line, an environment variable, a flag.
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

/// All mistakes of a configuration; never none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// Each of them, in the order of the sources and then of the keys.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// How many.
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
