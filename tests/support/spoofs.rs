//! The cases of tests/data/header-spoofs.tsv, and whether one of them succeeded.

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

/// Whether something of the client's arrived, under any name: each value of the list holds this word.
pub(crate) fn is_fooled<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> bool {
    fields.into_iter().any(|(_, value)| value.contains("evil"))
}
