//! Reader of the keys
//!
//! It reports each mistake and continues with the next key.

use figment::Figment;
use figment::value::Value;

use super::key::{Key, Kind, Known, Table};
use super::report::{Report, Reported, Wrong, all, show};
use super::source_value::DEFAULT;

/// The merged sources, and the report so far. The values already have the kind of their key.
pub(super) struct Reader {
    table: Table,
    tree: Figment,
    /// The mistakes and warnings for the operator.
    pub(super) report: Report,
}

impl Reader {
    /// Creates a reader of `tree`, with the keys of `table`.
    pub(super) fn new(table: Table, tree: Figment, report: Report) -> Self {
        Self { table, tree, report }
    }

    /// Returns the text of a key, if it is set.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.tree.find_value(key).ok()?.into_string()
    }

    /// Returns the list of a key; empty if it is not set.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let array = self.tree.find_value(key).ok().and_then(Value::into_array).unwrap_or_default();
        array.into_iter().filter_map(Value::into_string).collect()
    }

    /// Returns a switch; `false` if it is not set.
    pub(super) fn switch(&self, key: &str) -> bool {
        self.tree.find_value(key).ok().and_then(|value| value.to_bool()).unwrap_or(false)
    }

    /// Returns whether a key is set, possibly by its default.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.tree.contains(key)
    }

    /// Returns whether a source other than the defaults sets a key.
    pub(super) fn is_chosen(&self, key: &str) -> bool {
        self.is_set(key) && self.place(key) != DEFAULT
    }

    /// Returns the names that the operator chose in a section, with their texts.
    pub(super) fn entries(&self, section: &str) -> Vec<(String, Option<String>)> {
        let dict = self.tree.find_value(section).ok().and_then(Value::into_dict).unwrap_or_default();
        dict.into_iter().map(|(name, value)| (name, value.into_string())).collect()
    }

    /// Parses a key that must be set.
    pub(super) fn read_required<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<T, Reported> {
        self.read_optional(key, parse)?.ok_or_else(|| self.report_missing(key))
    }

    /// Parses a key that may be set.
    pub(super) fn read_optional<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Reported> {
        let Some(text) = self.text(key) else { return Ok(None) };
        parse(&text).map(Some).map_err(|wrong| self.report_wrong(key, wrong))
    }

    /// Parses every entry of a list, and reports each one that is wrong.
    pub(super) fn read_list<T>(
        &mut self,
        key: &str,
        mut parse: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Reported> {
        let entries = self.list(key).into_iter();
        let read = |entry: String| parse(&entry).map_err(|wrong| self.report_wrong_entry(key, &entry, wrong));
        all(entries.map(read))
    }

    /// Reports that a required key is not set.
    pub(super) fn report_missing(&mut self, key: &str) -> Reported {
        self.report.add_missing(key, self.entry(key))
    }

    /// Reports that the value of a key is wrong.
    pub(super) fn report_wrong(&mut self, key: &str, wrong: Wrong) -> Reported {
        let shown = match self.entry(key).kind {
            Kind::List => Some(format!("{:?}", self.list(key))),
            kind => self.text(key).and_then(|text| show(kind, &text)),
        };
        self.report_value(key, shown, wrong)
    }

    /// Reports that one entry of a list is wrong.
    fn report_wrong_entry(&mut self, key: &str, text: &str, wrong: Wrong) -> Reported {
        self.report_value(key, show(self.entry(key).kind, text), wrong)
    }

    fn report_value(&mut self, key: &str, shown: Option<String>, wrong: Wrong) -> Reported {
        let place = self.place(key);
        self.report.add(key, self.entry(key), shown, &place, wrong)
    }

    /// Returns the source of a key's value.
    pub(super) fn place(&self, key: &str) -> String {
        let metadata = self.tree.find_metadata(key);
        metadata.map_or_else(|| "not set".to_owned(), |metadata| metadata.name.to_string())
    }

    /// Returns the table's entry. Every key that is read is in the table: a test reads them all.
    fn entry(&self, name: &str) -> &'static Key {
        match self.table.look_up(&name.split('.').collect::<Vec<_>>()) {
            Known::Key(key) => key,
            Known::Section | Known::Nothing => &Key::UNLISTED,
        }
    }
}
