//! The cases of tests/data/header-spoofs.tsv, and what an application that folds names like CGI would read.

/// One case.
pub(crate) struct Spoof {
    /// The first column.
    pub(crate) expected: String,
    /// The fields.
    pub(crate) fields: Vec<(String, String)>,
    /// The last column.
    pub(crate) why: String,
}

/// All cases.
pub(crate) fn spoofs() -> Vec<Spoof> {
    let lines = include_str!("../data/header-spoofs.tsv").lines().filter(|line| !line.starts_with('#'));
    let cases = lines.map(|line| {
        let mut columns = line.split('\t');
        let expected = columns.next().unwrap().to_owned();
        let fields = serde_json::from_str(columns.next().unwrap()).unwrap();
        Spoof { expected, fields, why: columns.next().unwrap().to_owned() }
    });
    cases.collect()
}

/// RFC 3875 §4.1.18: letters in upper case, everything that is no letter or digit the same.
fn folded(name: &str) -> String {
    let fold = |byte: char| if byte.is_ascii_alphanumeric() { byte.to_ascii_uppercase() } else { '_' };
    name.chars().map(fold).collect()
}

/// Whether something of the client's arrived under a name that says who somebody is.
pub(crate) fn is_fooled<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> bool {
    let names = [
        "X_FORWARDED_USER",
        "X_FORWARDED_GROUP",
        "X_FORWARDED_EMAIL",
        "X_FORWARDED_ID_TOKEN",
        "AUTHORIZATION",
    ];
    fields.into_iter().any(|(name, value)| {
        let name = folded(name);
        value.contains("evil") && (names.contains(&&*name) || name.starts_with("IMPERSONATE_"))
    })
}
