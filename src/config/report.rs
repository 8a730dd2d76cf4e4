//! Collected mistakes and warnings

use super::key::{Key, Kind};
use super::mistake::Mistake;

/// Longer values are cut, so that a message stays readable in a terminal.
const SHOWN_CHARACTERS: usize = 120;

/// Proof that a mistake has been reported. Only [`Report`] creates it, so no failure can go unreported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// Reads all items, then returns them or the first error. An item is read even if an earlier item has a mistake.
pub(super) fn all<T, C: FromIterator<T>>(
    read: impl Iterator<Item = Result<T, Reported>>,
) -> Result<C, Reported> {
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

/// A mistake in a value, and its correction.
pub(super) struct Wrong {
    what: String,
    right: Option<String>,
}

impl Wrong {
    /// Describes a mistake. The correction is the one in the table of keys.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), right: None }
    }

    /// Sets a more specific correction.
    pub(super) fn right(self, right: impl Into<String>) -> Self {
        Self { right: Some(right.into()), ..self }
    }
}

/// Mistakes and warnings, in the order in which they are found.
#[derive(Default)]
pub(super) struct Report {
    /// The mistakes; each prevents the start.
    pub(super) mistakes: Vec<Mistake>,
    /// The warnings; none prevents the start.
    pub(super) warnings: Vec<String>,
    /// Keys and sections with a mistake. They are not reported as missing in addition.
    reported: Vec<String>,
}

impl Report {
    /// Reports a mistake in a key of the table.
    pub(super) fn add(
        &mut self,
        name: &str,
        key: &Key,
        value: Option<String>,
        place: &str,
        wrong: Wrong,
    ) -> Reported {
        let Wrong { what, right } = wrong;
        let right = right.unwrap_or_else(|| key.right.to_owned());
        self.reported.push(name.to_owned());
        self.add_other(name, value, place, what, right)
    }

    /// Reports a mistake in anything else, such as an unknown key or the file.
    pub(super) fn add_other(
        &mut self,
        name: &str,
        value: Option<String>,
        place: &str,
        wrong: String,
        right: String,
    ) -> Reported {
        self.mistakes.push(Mistake { key: name.to_owned(), value, wrong, right, place: place.to_owned() });
        Reported(())
    }

    /// Reports that a required key is not set.
    pub(super) fn add_missing(&mut self, name: &str, key: &Key) -> Reported {
        if self.reported.iter().any(|reported| covers(reported, name)) {
            return Reported(());
        }
        self.add(name, key, None, "not set", Wrong::new("it is missing"))
    }

    /// Records the key or section that a misspelled name most likely means, so that it is not reported as missing.
    pub(super) fn mark_reported(&mut self, name: &str) {
        self.reported.push(name.to_owned());
    }

    /// Records a warning: a setting that works, but is dangerous or has no effect.
    pub(super) fn warn(&mut self, key: &str, text: &str) {
        self.warnings.push(format!("{key}: {text}"));
    }
}

/// Returns whether `reported` is the key itself, its `_file`, or a section that contains it.
fn covers(reported: &str, name: &str) -> bool {
    let reported = reported.strip_suffix("_file").unwrap_or(reported);
    name.strip_prefix(reported).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns a value as a message may show it, in quotes, or `None` if it must not be shown.
pub(super) fn show(kind: Kind, text: &str) -> Option<String> {
    show_raw(kind, text).map(|text| format!("{text:?}"))
}

/// As [`show`], without added quotes: for the text of a file, which has its own quotes or lacks them.
pub(super) fn show_raw(kind: Kind, text: &str) -> Option<String> {
    let shown = match kind {
        Kind::Secret | Kind::Secrets => false,
        // The operator may have written the secret itself instead of the path.
        Kind::SecretFile => text.starts_with(['/', '.', '~']),
        Kind::Text | Kind::List | Kind::Switch => true,
    };
    shown.then(|| {
        let text = without_password(text);
        let mut cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
        if cut.len() < text.len() {
            cut.push('…');
        }
        cut
    })
}

/// Returns the text. If it is a URL with user information, that part is replaced by `…`.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("//") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}//…@{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_value_is_quoted_cut_and_without_password() {
        assert_eq!(show(Kind::Text, "a\"b\n").unwrap(), r#""a\"b\n""#);
        assert_eq!(show(Kind::Text, &"ü".repeat(200)).unwrap().chars().count(), 120 + 3);
        assert_eq!(show(Kind::List, "https://u:hunter2@a.test/@x").unwrap(), "\"https://…@a.test/@x\"");
        assert_eq!(show(Kind::Secret, "x"), None);
        assert_eq!(show(Kind::SecretFile, "hunter2"), None);
        assert_eq!(show(Kind::SecretFile, "/run/x").unwrap(), "\"/run/x\"");
    }
}
