//! Reader of the keys, which reports each mistake and reads on.

use figment::Figment;
use figment::value::Value;

use super::key::{Key, Kind, Known, Table};
use super::report::{Report, Reported, Wrong, all, show};

/// All sources together, and what was found wrong so far. Values have the kind of their key already.
pub(super) struct Reader {
    table: Table,
    tree: Figment,
    /// What the operator will hear.
    pub(super) report: Report,
}

impl Reader {
    /// Returns a reader of `tree`, whose keys are those of `table`.
    pub(super) fn new(table: Table, tree: Figment, report: Report) -> Self {
        Self { table, tree, report }
    }

    /// The text of a key, if it is set.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.tree.find_value(key).ok()?.into_string()
    }

    /// The list of a key; empty where it is not set.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let array = self.tree.find_value(key).ok().and_then(Value::into_array).unwrap_or_default();
        array.into_iter().filter_map(Value::into_string).collect()
    }

    /// A switch; off where it is not set.
    pub(super) fn switch(&self, key: &str) -> bool {
        self.tree.find_value(key).ok().and_then(|value| value.to_bool()).unwrap_or(false)
    }

    /// Whether a key is set, by a default too.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.tree.contains(key)
    }

    /// The operator's own names in a section, and the texts beside them.
    pub(super) fn entries(&self, section: &str) -> Vec<(String, Option<String>)> {
        let dict = self.tree.find_value(section).ok().and_then(Value::into_dict).unwrap_or_default();
        dict.into_iter().map(|(name, value)| (name, value.into_string())).collect()
    }

    /// Reads a key that must be set.
    pub(super) fn need<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<T, Reported> {
        self.may(key, parse)?.ok_or_else(|| self.missing(key))
    }

    /// Reads a key that may be set.
    pub(super) fn may<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Reported> {
        let Some(text) = self.text(key) else { return Ok(None) };
        parse(&text).map(Some).map_err(|wrong| self.wrong(key, wrong))
    }

    /// Reads every entry of a list, and tells of every wrong one.
    pub(super) fn each<T>(
        &mut self,
        key: &str,
        mut parse: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Reported> {
        let entries = self.list(key).into_iter();
        let read = |entry: String| parse(&entry).map_err(|wrong| self.wrong_entry(key, &entry, wrong));
        all(entries.map(read))
    }

    /// A key that must be set is not.
    pub(super) fn missing(&mut self, key: &str) -> Reported {
        self.report.missing(key, self.entry(key))
    }

    /// The value of a key is wrong.
    pub(super) fn wrong(&mut self, key: &str, wrong: Wrong) -> Reported {
        let shown = match self.entry(key).kind {
            Kind::List => Some(format!("{:?}", self.list(key))),
            kind => self.text(key).and_then(|text| show(kind, &text)),
        };
        self.tell(key, shown, wrong)
    }

    /// One entry of a list is wrong.
    fn wrong_entry(&mut self, key: &str, text: &str, wrong: Wrong) -> Reported {
        self.tell(key, show(self.entry(key).kind, text), wrong)
    }

    fn tell(&mut self, key: &str, shown: Option<String>, wrong: Wrong) -> Reported {
        let place = self.place(key);
        self.report.key(key, self.entry(key), shown, &place, wrong)
    }

    /// Where a key was set.
    pub(super) fn place(&self, key: &str) -> String {
        let metadata = self.tree.find_metadata(key);
        metadata.map_or_else(|| "not set".to_owned(), |metadata| metadata.name.to_string())
    }

    /// The table's entry. Every key that is read is in the table: a test reads them all.
    fn entry(&self, name: &str) -> &'static Key {
        match self.table.look_up(&name.split('.').collect::<Vec<_>>()) {
            Known::Key(key) => key,
            Known::Section | Known::Nothing => &Key::UNLISTED,
        }
    }
}
