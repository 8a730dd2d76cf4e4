//! Description of the configuration keys, and lookup in a table of them

/// A section of the file, with its keys.
pub(super) struct Section {
    /// Its name in the file; `*` is a placeholder for a name that the operator chooses.
    pub(super) path: &'static str,
    /// The name that replaces `*` in the template.
    pub(super) example: &'static str,
    /// Its purpose.
    pub(super) about: &'static str,
    /// Its keys.
    pub(super) keys: &'static [Key],
}

/// A key.
pub(super) struct Key {
    /// Its name in its section; `*` is a placeholder for any name.
    pub(super) name: &'static str,
    /// The kind of its values.
    pub(super) kind: Kind,
    /// Whether it must be set.
    pub(super) need: Need,
    /// Its purpose.
    pub(super) about: &'static str,
    /// The correction that a mistake report suggests.
    pub(super) right: &'static str,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string that no message shows.
    Secret,
    /// The path of a file that contains a secret; shown only if it looks like a path.
    SecretFile,
    /// A list of strings.
    List,
    /// A list of strings that no message shows.
    Secrets,
    /// True or false.
    Switch,
}

/// Whether a key must be set. The texts are TOML values.
pub(super) enum Need {
    /// The key must be set; the text is an example.
    Required(&'static str),
    /// The key may be set; the text is an example.
    Optional(&'static str),
    /// The text is the value of the key if no source sets another.
    Default(&'static str),
}

/// Every section, in the order of the template and the reference.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// The sections, without duplicates.
    pub(super) sections: &'static [Section],
}

/// The result of [`Table::look_up`].
pub(super) enum Known {
    /// A key.
    Key(&'static Key),
    /// A section, or a part of a section's name.
    Section,
    /// The path is unknown.
    Nothing,
}

impl Key {
    /// Placeholder for a key that is not in the table. Its values are not shown.
    pub(super) const UNLISTED: Self = Self {
        name: "",
        kind: Kind::Secret,
        need: Need::Optional(""),
        about: "",
        right: "a key of the reference",
    };
}

impl Section {
    /// Returns the path with the example in place of `*`.
    pub(super) fn example_path(&self) -> String {
        self.path.replace('*', self.example)
    }
}

impl Table {
    /// Returns what is at a path, such as `["provider", "issuer"]`.
    pub(super) fn look_up<S: AsRef<str>>(self, path: &[S]) -> Known {
        let mut section = false;
        for (known, key) in self.all() {
            match compare(&known, path) {
                Some(0) => return Known::Key(key),
                Some(_) => section = true,
                None => {}
            }
        }
        if section { Known::Section } else { Known::Nothing }
    }

    /// Returns every key with its full name.
    pub(super) fn all(self) -> impl Iterator<Item = (String, &'static Key)> {
        self.sections.iter().flat_map(|section| {
            section.keys.iter().map(|key| (format!("{}.{}", section.path, key.name), key))
        })
    }
}

/// Returns how many steps `known` has after `path`, or `None` if `path` is not its beginning.
fn compare<S: AsRef<str>>(known: &str, path: &[S]) -> Option<usize> {
    let mut steps = known.split('.');
    for part in path {
        let step = steps.next()?;
        if step != "*" && step != part.as_ref() {
            return None;
        }
    }
    Some(steps.count())
}
