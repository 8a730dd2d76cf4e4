//! Do the properties that the fuzzer looks at hold for every input that was ever worth keeping?

#[path = "../../fuzz/properties.rs"]
mod properties;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use self::properties::ALL;

fn corpus() -> std::path::PathBuf {
    // At run time: a build that was copied would otherwise read the tree it was built from.
    #[expect(clippy::disallowed_methods, reason = "cargo says where the tree is")]
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&root).join("fuzz/corpus")
}

fn folder(path: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_property_holds_for_its_whole_corpus() {
    let mut broken = Vec::new();
    for (name, property) in ALL {
        let inputs = folder(&corpus().join(name));
        assert!(inputs.len() >= 10, "{name} has {} inputs", inputs.len());
        for path in inputs {
            let bytes = fs::read(&path).unwrap();
            if catch_unwind(|| property(&bytes)).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_corpus_has_its_property() {
    let mut kept: Vec<String> =
        folder(&corpus()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let mut known = ALL.map(|(name, _)| name.to_owned()).to_vec();
    kept.sort();
    known.sort();
    assert_eq!(kept, known);
}

/// Otherwise the property of ID tokens would hold because none gets past the signature.
#[test]
fn of_the_tokens_in_the_corpus_the_good_ones_are_accepted() {
    for path in folder(&corpus().join("id-token")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let good = ["good", "exp-u64-max", "exp-huge", "jwk-", "jku-", "nested-deep"];
        let is_good = good.iter().any(|start| name.starts_with(start));
        let accepted = properties::id_token::accepted(&fs::read(&path).unwrap());
        assert_eq!(accepted.is_some(), is_good, "{name}");
    }
}

/// The lists of cases are inputs too.
#[test]
fn the_properties_hold_for_the_lists_of_cases() {
    for line in include_str!("../data/return-urls.tsv").lines().filter(|line| !line.starts_with('#')) {
        let text: String = serde_json::from_str(line.split('\t').nth(1).unwrap()).unwrap();
        properties::return_url(text.as_bytes());
        properties::target(text.as_bytes());
    }
    for line in include_str!("../data/header-spoofs.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<(String, String)> = serde_json::from_str(line.split('\t').nth(1).unwrap()).unwrap();
        let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        properties::headers(lines.join("\n").as_bytes());
    }
}
