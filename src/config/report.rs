//! What has been found so far that the operator must hear?

use super::key::{Key, Kind};
use super::mistake::Mistake;

/// Longer values are cut: a message is read in a terminal.
const SHOWN_CHARACTERS: usize = 120;

/// Proof that a mistake has been told. Only [`Report`] makes one, so nothing can go missing without a word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// Everything, if all went well; nothing is left unread because of a mistake before it.
pub(super) fn all<T, C: FromIterator<T>>(
    read: impl Iterator<Item = Result<T, Reported>>,
) -> Result<C, Reported> {
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

/// What is wrong with a value.
pub(super) struct Wrong {
    what: String,
    right: Option<String>,
}

impl Wrong {
    /// The words of the key's own entry say what would be right.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), right: None }
    }

    /// Here something more fitting can be said.
    pub(super) fn right(self, right: impl Into<String>) -> Self {
        Self { right: Some(right.into()), ..self }
    }
}

/// Mistakes and warnings, as they are found.
#[derive(Default)]
pub(super) struct Report {
    /// Each stops the start.
    pub(super) mistakes: Vec<Mistake>,
    /// None does.
    pub(super) warnings: Vec<String>,
    /// Keys and sections that a mistake was about: that they are missing as well is no news.
    told: Vec<String>,
}

impl Report {
    /// Something is wrong with a key we know.
    pub(super) fn key(
        &mut self,
        name: &str,
        key: &Key,
        value: Option<String>,
        place: &str,
        wrong: Wrong,
    ) -> Reported {
        let Wrong { what, right } = wrong;
        let right = right.unwrap_or_else(|| key.right.to_owned());
        self.told.push(name.to_owned());
        self.other(name, value, place, what, right)
    }

    /// Something is wrong with anything else.
    pub(super) fn other(
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

    /// A key that must be set is not.
    pub(super) fn missing(&mut self, name: &str, key: &Key) -> Reported {
        if self.told.iter().any(|told| covers(told, name)) {
            return Reported(());
        }
        self.key(name, key, None, "not set", Wrong::new("it is missing"))
    }

    /// The operator most likely meant this key or section.
    pub(super) fn meant(&mut self, name: &str) {
        self.told.push(name.to_owned());
    }

    /// Something that works and yet is not good.
    pub(super) fn warn(&mut self, key: &str, text: &str) {
        self.warnings.push(format!("{key}: {text}"));
    }
}

/// Whether `told` is the key itself, its `_file`, or a section around it.
fn covers(told: &str, name: &str) -> bool {
    let told = told.strip_suffix("_file").unwrap_or(told);
    name.strip_prefix(told).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A value as a message may show it, in quotes.
pub(super) fn show(kind: Kind, text: &str) -> Option<String> {
    show_raw(kind, text).map(|text| format!("{text:?}"))
}

/// The same without quotes: for what stood in a file with quotes of its own, or lacked them.
pub(super) fn show_raw(kind: Kind, text: &str) -> Option<String> {
    let shown = match kind {
        Kind::Secret | Kind::Secrets => false,
        // Somebody may have put the secret itself where the path belongs.
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

/// The text, and where it is a URL with user information, that left out.
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
    fn a_value_is_shown_quoted_cut_and_without_a_password() {
        assert_eq!(show(Kind::Text, "a\"b\n").unwrap(), r#""a\"b\n""#);
        assert_eq!(show(Kind::Text, &"ü".repeat(200)).unwrap().chars().count(), 120 + 3);
        assert_eq!(show(Kind::List, "https://u:hunter2@a.test/@x").unwrap(), "\"https://…@a.test/@x\"");
        assert_eq!(show(Kind::Secret, "x"), None);
        assert_eq!(show(Kind::SecretFile, "hunter2"), None);
        assert_eq!(show(Kind::SecretFile, "/run/x").unwrap(), "\"/run/x\"");
    }
}
