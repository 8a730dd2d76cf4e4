//! Types that describe the keys of the configuration, and the search in a table of them.

/// One part of the file, and the keys in it.
pub(super) struct Section {
    /// Its name in the file; `*` stands for a name of the operator's own.
    pub(super) path: &'static str,
    /// What `*` is in the template.
    pub(super) example: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// Its keys.
    pub(super) keys: &'static [Key],
}

/// One key.
pub(super) struct Key {
    /// Its name in its section; `*` stands for any.
    pub(super) name: &'static str,
    /// What a value of it looks like.
    pub(super) kind: Kind,
    /// Whether it must be set.
    pub(super) need: Need,
    /// What it is for.
    pub(super) about: &'static str,
    /// What would be right, where something is wrong.
    pub(super) right: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string that is never shown.
    Secret,
    /// The path of a file that holds a secret; shown only where it looks like a path.
    SecretFile,
    /// A list of strings.
    List,
    /// A list of strings that are never shown.
    Secrets,
    /// True or false.
    Switch,
}

/// Whether a key must be set. The texts are TOML.
pub(super) enum Need {
    /// It must be; this is an example.
    Required(&'static str),
    /// It can be; this is an example.
    Optional(&'static str),
    /// This is what it is unless something else is said.
    Default(&'static str),
}

/// Every section, in the order of the template and the reference.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// The sections; none is there twice.
    pub(super) sections: &'static [Section],
}

/// What a path leads to.
pub(super) enum Known {
    /// A key.
    Key(&'static Key),
    /// A section, or a part of a section's name.
    Section,
    /// Nothing that we know.
    Nothing,
}

impl Key {
    /// Stands in for a key that is in no table; shows nothing.
    pub(super) const UNLISTED: Self = Self {
        name: "",
        kind: Kind::Secret,
        need: Need::Optional(""),
        about: "",
        right: "a key of the reference",
    };
}

impl Section {
    /// The path with the example in place of `*`.
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

/// How many steps of `known` are left behind `path`, or `None` where they part.
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
