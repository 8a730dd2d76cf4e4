//! Rules for every file in `deploy/`
//!
//! 1. No file lets requests pass while the gateway is down, by any of the settings for it.
//! 2. The first line says whether the tests run the file, or which documentation it follows.
//! 3. YAML files have no tabs, and their brackets and quotes are balanced.

use std::path::{Path, PathBuf};

/// Settings that let requests pass without a check, without `_` and `-`, in lower case. They are absent, so their
/// defaults apply: every request is checked, and fails if the check fails.
const UNSAFE_SETTINGS: [&str; 8] = [
    "failuremodeallow",
    "failopen",
    "failuremode:allow",
    "allowdegradation",
    "filterenabled",
    "percentageenabled",
    "percentenabled",
    "allowmissing",
];

fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let mut folders = vec![root];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// Returns the text of a line before its comment. Only quoted text may contain `#` after a space.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut previous = ' ';
    for (index, character) in line.char_indices() {
        match character {
            '"' if previous != '\\' => quoted = !quoted,
            '#' if !quoted && previous.is_whitespace() => return &line[..index],
            _ => {}
        }
        previous = character;
    }
    line
}

#[test]
fn no_file_lets_requests_pass_without_a_check() {
    let files = files();
    assert!(files.len() > 15, "{} files", files.len());
    for (path, text) in files {
        for line in text.lines() {
            let line = without_comment(line).to_lowercase().replace(['_', '-', ' '], "");
            for setting in UNSAFE_SETTINGS {
                assert!(!line.contains(setting), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn first_line_says_whether_the_tests_run_the_file() {
    for (path, text) in files() {
        // JSON has no comments.
        if has_extension(&path, "json") {
            continue;
        }
        let first = text.lines().next().unwrap_or_default().trim_start_matches(['#', '-', ' ']);
        let is_documented = first.starts_with("From the documentation of ")
            && first.ends_with(", not run by the tests.")
            && first.contains(|character: char| character.is_ascii_digit());
        assert!(first.starts_with("Run here by the tests: ") || is_documented, "{}: {first}", path.display());
    }
}

#[test]
fn yaml_has_no_tabs_and_its_brackets_and_quotes_are_balanced() {
    for (path, text) in files().into_iter().filter(|(path, _)| has_extension(path, "yaml")) {
        let mut open = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            assert!(!line.contains('\t'), "{place}: a tab");
            let mut quoted = false;
            for character in without_comment(line).chars() {
                match character {
                    '"' => quoted = !quoted,
                    '{' | '[' if !quoted => open.push(character),
                    '}' if !quoted => assert_eq!(open.pop(), Some('{'), "{place}"),
                    ']' if !quoted => assert_eq!(open.pop(), Some('['), "{place}"),
                    _ => {}
                }
            }
        }
        assert!(open.is_empty(), "{}: {open:?} is not closed", path.display());
    }
}
