//! The messages that docs/providers.md quotes exist in the sources

use std::fs;
use std::path::Path;

use super::*;

/// Stands for a value, in a quotation and in the texts of the sources.
const VALUE: &str = "…";
/// The least length of the longest part of a quotation, so that it identifies a message.
const MIN_PART_CHARACTERS: usize = 12;

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
}

/// Returns the texts in italics in the first column of the tables after a heading.
fn quotations() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/providers.md")).unwrap();
    let (_, part) = page.split_once("\n## When the first sign-in fails\n").unwrap();
    let cells = part.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('*').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap();
    name == "tests" || name == "testing"
}

/// Returns the code of a file without comments and tests, with texts of several lines in one, and each placeholder
/// replaced by [`VALUE`].
fn messages(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let joined = lines.fold(String::new(), |code, line| match line.strip_suffix('\\') {
        Some(continued) => code + continued,
        None => code + line + "\n",
    });
    let mut found = String::new();
    for (index, part) in joined.split('{').enumerate() {
        match part.split_once('}') {
            Some((name, rest)) if index > 0 && !name.contains('\n') => found.extend([VALUE, rest]),
            _ => found.push_str(part),
        }
    }
    found
}

fn read_folder(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if is_test(&path) {
            continue;
        }
        if path.is_dir() {
            read_folder(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(messages(&path));
        }
    }
}

/// Returns the parts of a quotation between its values.
fn parts(quotation: &str) -> Vec<&str> {
    let parts = quotation.split(VALUE).map(|part| part.trim_matches([' ', ':', ';', ',']));
    parts.filter(|part| !part.is_empty()).collect()
}

#[test]
fn quoted_message_exists_in_the_sources() {
    let mut sources = Vec::new();
    read_folder(&root().join("src"), &mut sources);
    let quotations = quotations();
    assert!(quotations.len() > 20, "the page quotes the messages in italics: {quotations:?}");
    for quotation in quotations {
        let parts = parts(&quotation);
        let longest = parts.iter().map(|part| part.chars().count()).max().unwrap();
        assert!(longest >= MIN_PART_CHARACTERS, "{quotation}: it may be any message");
        for part in parts {
            assert!(
                sources.iter().any(|source| source.contains(part)),
                "{quotation}: no message has \"{part}\""
            );
        }
    }
}
