//! Consistency of docs/attacks.md and docs/security.md with the tests and the lock files

use std::fs;
use std::path::{Path, PathBuf};

/// The threat rows that docs/attacks.md must have.
const ROWS: [&str; 28] = [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "13", "16", "17", "24", "25", "26", "27", "30",
    "31", "33", "34", "35", "38", "39", "40", "41", "45",
];

/// The states that docs/attacks.md gives to a crate with an advisory.
const STATES: [&str; 3] = ["absent", "ignored", "present"];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns the rows of the table about crates: identifiers, crate, state, fixed version, reason.
fn crate_rows() -> Vec<Vec<String>> {
    let page = read("docs/attacks.md");
    let section =
        page.split_once("## Advisories about crates").unwrap().1.split("\n## ").next().unwrap().to_owned();
    let rows: Vec<_> = cells(&section).into_iter().skip(1).collect();
    assert!(rows.iter().all(|row| row.len() == 5 && STATES.contains(&row[2].as_str())), "{rows:?}");
    rows
}

fn root() -> PathBuf {
    // At run time: a build that was copied would otherwise read the tree it was built from.
    #[expect(clippy::disallowed_methods, reason = "cargo says where the tree is")]
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
}

/// Returns the cells of each table row of a page, without separator lines.
fn rows(page: &str) -> Vec<Vec<String>> {
    cells(&read(page))
}

fn cells(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

/// Returns the names between backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).flat_map(expand_braces).collect()
}

/// Expands `a::{b, c}` to `a::b` and `a::c`.
fn expand_braces(name: &str) -> Vec<String> {
    let Some((front, list)) = name.split_once('{') else { return vec![name.to_owned()] };
    list.trim_end_matches('}').split(',').map(|one| format!("{front}{}", one.trim())).collect()
}

/// Returns whether a file or module of that name exists. If the name contains a function, it must be a test there.
fn exists(name: &str) -> bool {
    let (place, test) = match name.rsplit_once("::") {
        Some((place, test)) if test.contains('_') && sibling_modules(test, &find_files(place)).is_empty() => {
            (place, Some(test))
        }
        _ => (name, None),
    };
    let found = find_files(place);
    match test {
        None => !found.is_empty(),
        Some(test) => found.iter().any(|file| has_test(file, test)),
    }
}

/// Returns the files that a path or a module name may refer to.
fn find_files(name: &str) -> Vec<PathBuf> {
    if name.contains('/') {
        return Some(root().join(name)).into_iter().filter(|path| path.is_file()).collect();
    }
    let path = name.replace("::", "/");
    let places = ["src", "tests/it", "tests/it/attacks"].map(|folder| root().join(folder).join(&path));
    places.iter().flat_map(|place| module_files(place)).collect()
}

fn sibling_modules(name: &str, of: &[PathBuf]) -> Vec<PathBuf> {
    of.iter().map(|file| file.with_file_name(format!("{name}.rs"))).filter(|path| path.is_file()).collect()
}

/// Returns the file of a module, and the files of its tests and parts.
fn module_files(place: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        Some(place.with_extension("rs")).into_iter().filter(|path| path.is_file()).collect();
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(module_files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Returns whether a file has that test: a function with the attribute, or with an entry in a table of tests.
fn has_test(file: &Path, test: &str) -> bool {
    let code = fs::read_to_string(file).unwrap();
    if code.contains(&format!("async fn {test}(")) && is_in_a_table(&code, test) {
        return true;
    }
    let mut lines = code.lines().rev().skip_while(|line| !line.contains(&format!("fn {test}(")));
    lines.next().is_some()
        && lines
            .take_while(|line| line.trim_start().starts_with(['#', '/']))
            .any(|line| line.contains("test]") || line.contains("tokio::test("))
}

/// Returns whether the test has a line in the table of its file, or in the table of situations.
fn is_in_a_table(code: &str, test: &str) -> bool {
    let situations = read("tests/real/situations.rs");
    let mut entries = code.lines().chain(situations.lines()).filter_map(|line| line.trim().strip_suffix(','));
    entries.any(|entry| entry.rsplit("::").next() == Some(test))
}

#[test]
fn every_test_that_the_page_names_exists() {
    let mut named = 0;
    for page in ["docs/attacks.md", "docs/security.md"] {
        let of_a_crate = |row: &Vec<String>| row.get(2).is_some_and(|cell| STATES.contains(&cell.as_str()));
        for row in rows(page).iter().filter(|row| !of_a_crate(row)) {
            let listed = names(row.last().unwrap());
            let needs_one = page.ends_with("security.md") && row[0] != "way";
            assert!(!needs_one || !listed.is_empty(), "no test: {row:?}");
            for name in listed {
                assert!(exists(&name), "no such test: {name} in {row:?}");
                named += 1;
            }
        }
    }
    assert!(named > 120, "only {named} tests are named");
}

#[test]
fn every_threat_has_a_row_and_a_test() {
    let rows = rows("docs/attacks.md");
    for number in ROWS {
        let row = rows.iter().find(|row| row.first().is_some_and(|cell| cell == number));
        let row = row.unwrap_or_else(|| panic!("no row {number}"));
        let tests = names(row.last().unwrap());
        assert!(tests.iter().any(|name| name.contains("::") && exists(name)), "row {number} names no test");
    }
}

#[test]
fn missing_test_is_detected() {
    assert!(exists("sign_in::every_sign_in_makes_a_new_session"));
    for name in [
        "sign_in::no_such_test_at_all",
        "nowhere",
        "tests/real/none.rs",
        "tests/real/headers.rs::no_such_test",
    ] {
        assert!(!exists(name), "{name}");
    }
}

/// Returns the versions of a crate in a lock file.
fn versions(lock: &str, name: &str) -> Vec<[u64; 3]> {
    let lines: Vec<_> = lock.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == format!("name = \"{name}\""));
    pairs.map(|pair| version(pair[1].trim_start_matches("version = "))).collect()
}

fn version(text: &str) -> [u64; 3] {
    let numbers = text.trim_matches('"').split('.').map(|part| part.parse().unwrap());
    numbers.collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn states_of_crates_with_an_advisory_match_the_lock_file_and_deny_toml() {
    let locks = [read("Cargo.lock"), read("fuzz/Cargo.lock")];
    let ignored: Vec<String> = read("deny.toml")
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && line.contains("RUSTSEC-"))
        .map(|line| line.split('"').find(|part| part.starts_with("RUSTSEC-")).unwrap().to_owned())
        .collect();
    let named = crate_rows();
    for row in &named {
        let [ids, name, state, fixed, _] = &row[..] else { panic!("{row:?}") };
        let found: Vec<_> = locks.iter().flat_map(|lock| versions(lock, name)).collect();
        let is_ignored = ids.split(", ").any(|id| ignored.iter().any(|known| known == id));
        assert_eq!(found.is_empty(), state == "absent", "{name} has the state {state}: {found:?}");
        assert_eq!(is_ignored, state == "ignored", "{name} has the state {state}: {ignored:?}");
        let is_fixed = || found.iter().all(|found| *found >= version(fixed));
        assert!(state != "present" || is_fixed(), "{name} {found:?} is older than {fixed}");
    }
    for state in STATES {
        assert!(named.iter().any(|row| row[2] == state), "no row has the state {state}");
    }
    for id in &ignored {
        assert!(
            named.iter().any(|row| row[0].split(", ").any(|known| known == id)),
            "{id} is not on the page"
        );
    }
    let listeners = read("src/server/listener.rs");
    assert_eq!(listeners.matches("protocol: Protocol::Http2").count(), 1, "another listener speaks HTTP/2");
}
