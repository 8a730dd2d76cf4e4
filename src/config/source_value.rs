//! Value of one key in one source, with its kind checked

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::key::{Key, Kind};
use super::report::{Report, Reported, Wrong, show};

/// The name of the defaults among the sources.
pub(super) const DEFAULT: &str = "the default";

/// A value of a key from one source. Each is a separate figment provider, so that figment keeps the line of each value.
pub(super) struct SourceValue {
    path: Vec<String>,
    value: Value,
    place: String,
}

impl SourceValue {
    /// Creates a value whose kind has been checked.
    pub(super) fn new(path: &[String], value: impl Into<Value>, place: &str) -> Self {
        Self { path: path.to_vec(), value: value.into(), place: place.to_owned() }
    }

    /// Replaces the place that messages name.
    pub(super) fn at(self, place: &str) -> Self {
        Self { place: place.to_owned(), ..self }
    }

    /// Parses a value from a source without types: the environment or a flag. The kind of the key decides how.
    pub(super) fn from_text(
        report: &mut Report,
        path: &[String],
        key: &Key,
        text: &str,
        place: &str,
    ) -> Result<Self, Reported> {
        let name = path.join(".");
        let value = match key.kind {
            Kind::Text | Kind::Secret | Kind::SecretFile => require_text(text).map(Value::from),
            Kind::List | Kind::Secrets => split_list(text).map(Value::from),
            Kind::Switch => match text {
                "true" => Ok(Value::from(true)),
                "false" => Ok(Value::from(false)),
                _ => Err(Wrong::new("it is neither true nor false")),
            },
        };
        match value {
            Ok(value) => Ok(Self::new(path, value, place)),
            Err(wrong) => Err(report.add(&name, key, show(key.kind, text), place, wrong)),
        }
    }
}

/// Returns the text, or an error if it is blank.
pub(super) fn require_text(text: &str) -> Result<&str, Wrong> {
    if text.trim().is_empty() { Err(Wrong::new("it is empty")) } else { Ok(text) }
}

/// Splits a list at its commas. An empty entry is an error: a variable without a value would otherwise empty a list,
/// and so permit what the file forbids.
fn split_list(text: &str) -> Result<Vec<String>, Wrong> {
    let entries: Vec<String> = text.split(',').map(|entry| entry.trim().to_owned()).collect();
    if entries.iter().any(String::is_empty) {
        return Err(Wrong::new("it is empty, or has an empty entry"));
    }
    Ok(entries)
}

impl Provider for SourceValue {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let wrap = |value, step: &String| Value::from(Dict::from([(step.clone(), value)]));
        let tree = self.path.iter().rev().fold(self.value.clone(), wrap);
        Ok(Profile::Default.collect(tree.into_dict().unwrap_or_default()))
    }
}
