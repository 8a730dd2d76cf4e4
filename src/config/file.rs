//! Reading of a TOML file, with the line of each value

use figment::value::{Dict, Value};
use toml::de::{DeArray, DeTable, DeValue};

use super::key::{Key, Kind, Known};
use super::keys::TABLE;
use super::nearest::report_unknown_key;
use super::report::{Report, Reported, Wrong, show_raw};
use super::source_value::{SourceValue, require_text};

/// Reads the whole text. Messages call it `name`.
pub(super) fn read(report: &mut Report, text: &str, name: &str) -> Result<Vec<SourceValue>, Reported> {
    match DeTable::parse(text) {
        Ok(table) => {
            let mut walk = Walk { report, text, name, path: Vec::new(), found: Vec::new() };
            walk.read_table(table.get_ref());
            Ok(walk.found)
        }
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let place = format!("{name}, line {}", line_number(text, start));
            // The parser's own rendering repeats the line, which may contain a secret. Its message does not.
            let wrong = format!("it is not TOML: {}", error.message().replace('\n', ", "));
            let right = "`key = \"value\"` on a line of its own, below its `[section]`".to_owned();
            Err(report.add_other("the file", None, &place, wrong, right))
        }
    }
}

struct Walk<'a> {
    report: &'a mut Report,
    text: &'a str,
    name: &'a str,
    path: Vec<String>,
    found: Vec<SourceValue>,
}

impl Walk<'_> {
    fn read_table(&mut self, table: &DeTable<'_>) {
        for (key, spanned) in table {
            self.path.push(key.get_ref().to_string());
            let place = self.place(key.span().start);
            match (TABLE.look_up(&self.path), spanned.get_ref()) {
                (Known::Key(key), value) => {
                    let raw = self.text.get(spanned.span()).unwrap_or_default().to_owned();
                    self.read_value(key, value, &raw, &place);
                }
                (Known::Section, DeValue::Table(inner)) => self.read_section(inner, &place),
                (Known::Section, _) => self.report_not_a_section(&place),
                (Known::Nothing, _) => {
                    report_unknown_key(self.report, &self.path, &place, str::to_owned);
                }
            }
            self.path.pop();
        }
    }

    /// Reads a section. An empty one counts too: `[policies.staff]` lets every signed-in user pass.
    fn read_section(&mut self, inner: &DeTable<'_>, place: &str) {
        if inner.is_empty() {
            self.found.push(SourceValue::new(&self.path, Dict::new(), place));
        }
        self.read_table(inner);
    }

    fn read_value(&mut self, key: &Key, value: &DeValue<'_>, raw: &str, place: &str) {
        let name = self.path.join(".");
        let read: Result<Value, Wrong> = match (key.kind, value) {
            (Kind::Text | Kind::Secret | Kind::SecretFile, DeValue::String(text)) => {
                require_text(text).map(Into::into)
            }
            (Kind::Switch, DeValue::Boolean(switch)) => Ok((*switch).into()),
            (Kind::List | Kind::Secrets, DeValue::Array(array)) => parse_list(array).map(Into::into),
            (kind, other) => Err(wrong_kind(kind, other)),
        };
        match read {
            Ok(value) => self.found.push(SourceValue::new(&self.path, value, place)),
            Err(wrong) => {
                // Shown as written, because the quotes or their absence may be the mistake.
                let value = show_raw(key.kind, &raw.split_whitespace().collect::<Vec<_>>().join(" "));
                self.report.add(&name, key, value, place, wrong);
            }
        }
    }

    fn report_not_a_section(&mut self, place: &str) {
        let name = self.path.join(".");
        let right = self
            .own_section()
            .unwrap_or_else(|| format!("[{name}] on a line of its own, with its keys below"));
        self.report.mark_reported(&name);
        let wrong = "it is a section, but it has a value here".to_owned();
        self.report.add_other(&name, None, place, wrong, right);
    }

    /// Returns what is right if the path is a key without the name that its section needs.
    fn own_section(&self) -> Option<String> {
        let (key, section) = self.path.split_last()?;
        let named: Vec<&str> = section.iter().map(String::as_str).chain(["name", key]).collect();
        let section = section.join(".");
        matches!(TABLE.look_up(&named), Known::Key(_)).then(|| {
            format!("[{section}.NAME] on a line of its own, with a name that you choose, and {key} below")
        })
    }

    fn place(&self, start: usize) -> String {
        format!("set in {}, line {}", self.name, line_number(self.text, start))
    }
}

fn line_number(text: &str, start: usize) -> usize {
    text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
}

fn parse_list(array: &DeArray<'_>) -> Result<Vec<String>, Wrong> {
    let entry = |value: &DeValue<'_>| match value {
        DeValue::String(text) => {
            require_text(text).map(str::to_owned).map_err(|_| Wrong::new("an entry is empty"))
        }
        other => Err(Wrong::new(format!("an entry is {}, not a text in quotes", kind_name(other)))),
    };
    array.iter().map(|value| entry(value.get_ref())).collect()
}

fn wrong_kind(wanted: Kind, value: &DeValue<'_>) -> Wrong {
    let it_is = kind_name(value);
    match wanted {
        Kind::Text | Kind::SecretFile => Wrong::new(format!("it is {it_is}, not a text in quotes")),
        Kind::Secret => Wrong::new(format!("it is {it_is}, not a text in quotes"))
            .right("the same value in quotes, so that every character counts: \"…\""),
        Kind::List | Kind::Secrets => Wrong::new(format!("it is {it_is}, not a list"))
            .right("texts in brackets, even if there is only one: [\"…\"]"),
        Kind::Switch => {
            Wrong::new(format!("it is {it_is}, not true or false")).right("true or false, without quotes")
        }
    }
}

fn kind_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
