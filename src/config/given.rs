//! What does one source say about one key, and is it of the right kind?

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::key::{Key, Kind};
use super::report::{Report, Reported, Wrong, show};

/// One value of one source. Each is a figment provider of its own, so that figment knows the line it came from.
pub(super) struct Given {
    path: Vec<String>,
    value: Value,
    place: String,
}

impl Given {
    /// A value whose kind has been checked.
    pub(super) fn new(path: &[String], value: impl Into<Value>, place: &str) -> Self {
        Self { path: path.to_vec(), value: value.into(), place: place.to_owned() }
    }

    /// The same, said to come from elsewhere.
    pub(super) fn at(self, place: &str) -> Self {
        Self { place: place.to_owned(), ..self }
    }

    /// A value from a source that knows nothing but text: the environment, or a flag. The key says what it means.
    pub(super) fn from_text(
        report: &mut Report,
        path: &[String],
        key: &Key,
        text: &str,
        place: &str,
    ) -> Result<Self, Reported> {
        let name = path.join(".");
        let value = match key.kind {
            Kind::Text | Kind::Secret | Kind::SecretFile => filled(text).map(Value::from),
            Kind::List | Kind::Secrets => entries(text).map(Value::from),
            Kind::Switch => match text {
                "true" => Ok(Value::from(true)),
                "false" => Ok(Value::from(false)),
                _ => Err(Wrong::new("it is neither true nor false")),
            },
        };
        match value {
            Ok(value) => Ok(Self::new(path, value, place)),
            Err(wrong) => Err(report.key(&name, key, show(key.kind, text), place, wrong)),
        }
    }
}

/// An empty text says nothing, and nobody means to say that.
pub(super) fn filled(text: &str) -> Result<&str, Wrong> {
    if text.trim().is_empty() { Err(Wrong::new("it is empty")) } else { Ok(text) }
}

/// An empty entry is a variable that nobody filled in: as an empty list it would open what the file closes.
fn entries(text: &str) -> Result<Vec<String>, Wrong> {
    let entries: Vec<String> = text.split(',').map(|entry| entry.trim().to_owned()).collect();
    if entries.iter().any(String::is_empty) {
        return Err(Wrong::new("it is empty, or has an empty entry"));
    }
    Ok(entries)
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let wrap = |value, step: &String| Value::from(Dict::from([(step.clone(), value)]));
        let tree = self.path.iter().rev().fold(self.value.clone(), wrap);
        Ok(Profile::Default.collect(tree.into_dict().unwrap_or_default()))
    }
}
