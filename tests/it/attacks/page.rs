//! The pages on attacks: each test that they name exists, and what they say of crates is true

use std::fs;
use std::path::{Path, PathBuf};

/// The threats that the page answers for.
const ROWS: [&str; 28] = [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "13", "16", "17", "24", "25", "26", "27", "30",
    "31", "33", "34", "35", "38", "39", "40", "41", "45",
];

/// What the page says of a crate with an advisory.
const STATES: [&str; 3] = ["absent", "ignored", "present"];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The rows of the table about crates: identifiers, crate, state, fixed in, why.
fn crates() -> Vec<Vec<String>> {
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

/// The cells of each table row of a page, heads and lines left out.
fn rows(page: &str) -> Vec<Vec<String>> {
    cells(&read(page))
}

fn cells(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).flat_map(unfolded).collect()
}

/// `a::{b, c}` as `a::b` and `a::c`.
fn unfolded(name: &str) -> Vec<String> {
    let Some((front, list)) = name.split_once('{') else { return vec![name.to_owned()] };
    list.trim_end_matches('}').split(',').map(|one| format!("{front}{}", one.trim())).collect()
}

/// Whether a file or module of that name exists and, where a function is named, holds it as a test.
fn exists(name: &str) -> bool {
    let (place, test) = match name.rsplit_once("::") {
        Some((place, test)) if test.contains('_') && module(test, &places(place)).is_empty() => {
            (place, Some(test))
        }
        _ => (name, None),
    };
    let found = places(place);
    match test {
        None => !found.is_empty(),
        Some(test) => found.iter().any(|file| holds(file, test)),
    }
}

/// The files that a path or a module's name may mean.
fn places(name: &str) -> Vec<PathBuf> {
    if name.contains('/') {
        return Some(root().join(name)).into_iter().filter(|path| path.is_file()).collect();
    }
    let path = name.replace("::", "/");
    let places = ["src", "tests/it", "tests/it/attacks"].map(|folder| root().join(folder).join(&path));
    places.iter().flat_map(|place| files(place)).collect()
}

fn module(name: &str, of: &[PathBuf]) -> Vec<PathBuf> {
    of.iter().map(|file| file.with_file_name(format!("{name}.rs"))).filter(|path| path.is_file()).collect()
}

/// A module's file, and those of its tests and parts.
fn files(place: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        Some(place.with_extension("rs")).into_iter().filter(|path| path.is_file()).collect();
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Whether a file has that test: the function, with the attribute before it or a line in a table.
fn holds(file: &Path, test: &str) -> bool {
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

/// Whether the test has a line in the table of its file, or in that of the situations.
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
fn every_threat_has_its_row_and_a_test_of_its_own() {
    let rows = rows("docs/attacks.md");
    for number in ROWS {
        let row = rows.iter().find(|row| row.first().is_some_and(|cell| cell == number));
        let row = row.unwrap_or_else(|| panic!("no row {number}"));
        let tests = names(row.last().unwrap());
        assert!(tests.iter().any(|name| name.contains("::") && exists(name)), "row {number} names no test");
    }
}

#[test]
fn what_does_not_exist_is_noticed() {
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

/// The versions of a crate in the lock file.
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
    let named = crates();
    for row in &named {
        let [ids, name, state, fixed, _] = &row[..] else { panic!("{row:?}") };
        let found: Vec<_> = locks.iter().flat_map(|lock| versions(lock, name)).collect();
        let is_ignored = ids.split(", ").any(|id| ignored.iter().any(|known| known == id));
        assert_eq!(found.is_empty(), state == "absent", "{name} is said to be {state}: {found:?}");
        assert_eq!(is_ignored, state == "ignored", "{name} is said to be {state}: {ignored:?}");
        let is_fixed = || found.iter().all(|found| *found >= version(fixed));
        assert!(state != "present" || is_fixed(), "{name} {found:?} is older than {fixed}");
    }
    for state in STATES {
        assert!(named.iter().any(|row| row[2] == state), "no row says {state}");
    }
    for id in &ignored {
        assert!(
            named.iter().any(|row| row[0].split(", ").any(|known| known == id)),
            "{id} is not on the page"
        );
    }
    let manifest = read("Cargo.toml");
    let hyper = manifest.lines().filter(|line| line.starts_with("hyper")).collect::<Vec<_>>();
    assert!(
        hyper.len() == 2 && hyper.iter().all(|line| !line.contains("http2")),
        "a listener may speak HTTP/2"
    );
}
