//! Import cycles between the files of a crate
//!
//! 1. A file imports another when it names an item that is defined there, in a `use` or by a path in the code.
//! 2. A re-export counts for the file that names it, not for the module that contains it. It also counts for that
//!    module if the module's own code uses the name.
//! 3. A declaration `mod child;` is not an import.
//! 4. Code that only tests compile is left out.
#![expect(clippy::unwrap_used, reason = "a test panics on unexpected values")]

mod graph;
mod source;
mod tokens;

use std::collections::BTreeMap;
use std::path::PathBuf;

use graph::{Crate, Edges, cycles};
use source::Source;

/// Returns the imports below `folder`. Fails when it finds too few to have read the crate.
fn edges(folder: &str) -> Edges {
    #[expect(clippy::disallowed_methods, reason = "cargo sets the path of the tree")]
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let edges = Crate::read(&root, folder).edges();
    assert!(edges.len() > 20, "{folder}: only {} files import another", edges.len());
    edges
}

/// Names each cycle with the import from each of its files to the next.
fn describe(edges: &Edges) -> Vec<String> {
    let cycle = |files: Vec<String>| {
        let next = files.iter().cycle().skip(1);
        let steps = files.iter().zip(next).map(|(file, next)| {
            let import = edges.get(file).and_then(|imports| imports.get(next)).map_or("", String::as_str);
            format!("  {file} imports {next}, {import}")
        });
        format!("a cycle:\n{}", steps.collect::<Vec<_>>().join("\n"))
    };
    cycles(edges).into_iter().map(cycle).collect()
}

#[test]
fn files_of_the_gateway_do_not_import_each_other_in_a_cycle() {
    let wrong = describe(&edges("src"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_the_development_provider_do_not_import_each_other_in_a_cycle() {
    let wrong = describe(&edges("crates/dev-provider/src"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cycles of a crate with these modules.
fn cycles_of(modules: &[(&str, &str)]) -> Vec<Vec<String>> {
    let files = modules.iter().map(|(module, text)| {
        let path = module.split("::").filter(|step| !step.is_empty()).map(str::to_owned).collect();
        ((*module).to_owned(), Source::read(path, text))
    });
    cycles(&Crate::new(files.collect::<BTreeMap<_, _>>()).edges())
}

#[test]
fn reexports_of_a_parent_make_no_cycle() {
    let parent = "mod one;\nmod two;\npub use self::one::One;\npub use two::Two;";
    let two = "use super::One;\npub struct Two(One);";
    assert!(cycles_of(&[("a", parent), ("a::one", "pub struct One;"), ("a::two", two)]).is_empty());
}

#[test]
fn cycles_through_reexports_modules_and_paths_are_found() {
    let parent = "mod one;\nmod two;\npub use self::one::One;";
    let by_reexport = "use super::{One, two as second};\nfn two() { second::x(); }";
    for one in [
        "use super::two::{self, three};\npub struct One;\nfn one() { two::x(); }",
        "pub struct One(&'static str);\nfn one() -> char { super::two::x(); '\"' }",
        "use crate::a::two::*;\nuse crate::a::two;\npub struct One;\nfn one() { two::x() }",
    ] {
        let found = cycles_of(&[("a", parent), ("a::one", one), ("a::two", by_reexport)]);
        assert_eq!(found, [["a::one", "a::two"]], "{one}");
    }
    let child = "use super::Parent;\npub fn x(_: Parent) {}";
    let found = cycles_of(&[("a", "mod b;\npub struct Parent;\nfn y() { b::x(Parent); }"), ("a::b", child)]);
    assert_eq!(found, [["a", "a::b"]]);
}

#[test]
fn comments_texts_and_tests_are_no_imports() {
    let text = "// use crate::b::B;\nconst A: &str = \"\\\" crate::b::B\";\nconst R: &str = r#\"\" crate::b::B\"#;\n\
                #[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n#[cfg(test)]\nmod testing;\npub struct A;";
    let testing = "use crate::b::B;\nuse super::A;";
    let other = "use crate::a::A;\npub struct B(A);\nfn f() { crate::a::testing::go(); }";
    assert!(cycles_of(&[("a", text), ("a::testing", testing), ("b", other)]).is_empty());
}
