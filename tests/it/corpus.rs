//! Properties of the fuzzer, checked for every input that its corpus keeps

#[path = "../../fuzz/properties.rs"]
mod properties;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use base64_simd::URL_SAFE_NO_PAD;
use foregate::session::codec::layout::Contents;
use foregate::session::codec::seal::count_of;

use self::properties::ALL;

fn corpus() -> std::path::PathBuf {
    // Read at run time: a copied build would otherwise read the tree it was built from.
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

/// Otherwise the property of ID tokens could hold only because no signature is valid.
#[test]
fn only_good_id_tokens_of_the_corpus_are_accepted() {
    for path in folder(&corpus().join("id-token")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let good = ["good", "exp-u64-max", "exp-huge", "jwk-", "jku-", "nested-deep"];
        let is_good = good.iter().any(|start| name.starts_with(start));
        let accepted = properties::id_token::accepted(&fs::read(&path).unwrap());
        assert_eq!(accepted.is_some(), is_good, "{name}");
    }
}

/// Otherwise the property of session contents could hold only because none can be read.
#[test]
fn only_good_sessions_of_the_corpus_are_accepted() {
    let good = ["empty", "nested", "parts", "plain", "refresh", "refresh-parts"];
    for path in folder(&corpus().join("session-contents")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Contents::read(&bytes).is_some(), good.contains(&name), "{name}");
    }
}

/// The first two bytes of this input are not part of the sealed value.
#[test]
fn session_among_the_sealed_values_of_the_corpus_is_readable() {
    let bytes = fs::read(corpus().join("sealed-value/session")).unwrap();
    assert!(Contents::read(&bytes[2..]).is_some());
}

/// Otherwise no input would pass the check of the version and reach the key and the tag.
#[test]
fn sealed_values_of_the_corpus_have_the_current_version() {
    for (name, count) in [("looks-sealed", 1), ("short-tag", 1), ("four-parts", 4)] {
        let value = fs::read(corpus().join("sealed-value").join(name)).unwrap();
        assert_eq!(count_of(&value), Some(count), "{name}");
    }
    for (name, count) in [("ours", 1), ("parts", 4)] {
        let cookie = fs::read_to_string(corpus().join("cookies").join(name)).unwrap();
        let value = cookie.split_once('=').unwrap().1;
        let head = URL_SAFE_NO_PAD.decode_to_vec(value.get(..3).unwrap()).unwrap();
        assert_eq!(count_of(&head), Some(count), "{name}");
    }
}

/// The lists of cases are inputs too.
#[test]
fn properties_hold_for_the_lists_of_cases() {
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
