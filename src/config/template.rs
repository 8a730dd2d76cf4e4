//! Configuration file that contains every key

use super::key::{Key, Need, Section};
use super::keys::TABLE;

const WIDTH: usize = 98;

const HEAD: &str = "\
# Every key of Foregate. A line with a key shows its default, or an example if it has no default.
# Remove the # before the key to set it. `foregate template` prints this file.
#
# Environment variables override this file. The name of a variable is FOREGATE_, the section, two
# underscores and the key, all in capitals (FOREGATE_PUBLIC__URLS). Commas separate the entries of a
# list. `--set public.urls=…` overrides both. `foregate check` reports every mistake.
";

/// Returns the file. Each key has a comment and is itself commented out.
pub fn template() -> String {
    HEAD.to_owned() + &TABLE.sections.iter().map(chapter).collect::<String>()
}

fn chapter(section: &Section) -> String {
    let head = format!("\n{}[{}]\n", comment(section.about), section.example_path());
    let entry = |key: &Key| {
        let about = format!("{}{}", key.about, key.need.note());
        format!("\n{}#{}\n", comment(&about), key.line())
    };
    head + &section.keys.iter().map(entry).collect::<String>()
}

/// Returns the defaults as a TOML file. Sections that the operator names have no defaults.
pub(super) fn defaults() -> String {
    let mut lines = Vec::new();
    for section in TABLE.sections.iter().filter(|section| !section.path.contains('*')) {
        lines.push(format!("[{}]", section.path));
        let keys = section.keys.iter().filter(|key| matches!(key.need, Need::Default(_)));
        lines.extend(keys.map(Key::line));
    }
    lines.join("\n")
}

impl Key {
    fn line(&self) -> String {
        let value = self.need.value();
        if self.name == "*" { value.to_owned() } else { format!("{} = {value}", self.name) }
    }
}

impl Need {
    /// Returns the default or the example.
    pub(super) fn value(&self) -> &'static str {
        match self {
            Self::Required(value) | Self::Optional(value) | Self::Default(value) => value,
        }
    }

    fn note(&self) -> &'static str {
        match self {
            Self::Required(_) => " Required.",
            Self::Optional(_) => " Not set by default.",
            Self::Default(_) => "",
        }
    }
}

fn comment(text: &str) -> String {
    let mut lines = Vec::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, String::from("#")));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n") + "\n"
}
