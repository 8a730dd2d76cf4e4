//! Cases of tests/data/header-spoofs.tsv, and detection of a successful one

/// One case.
pub(crate) struct Spoof {
    /// The expected result (first column).
    pub(crate) expected: String,
    /// The header fields.
    pub(crate) fields: Vec<(String, String)>,
    /// The reason (last column).
    pub(crate) why: String,
}

/// Reads all cases.
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

/// Whether a value of the client arrived, under any name. Each value in the list contains the word `evil`.
pub(crate) fn is_fooled<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> bool {
    fields.into_iter().any(|(_, value)| value.contains("evil"))
}
