//! The page with the table, `docs/callers.md`

use std::fmt::Write;

use super::cell::Row;
use crate::harness::{Proxy, repository};

const BEGIN: &str = "<!-- The tests write everything below this line. -->\n";

/// Compares the table with the page. With `REGENERATE=1`, writes it.
pub(super) fn compare(parts: &[&str], columns: &[(&str, Vec<Vec<Row>>)]) {
    let path = repository().join("docs/callers.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (introduction, known) = page.split_once(BEGIN).expect("the page has a line that begins the table");
    let table = tables(parts, columns);
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(&path, format!("{introduction}{BEGIN}\n{}\n{table}", versions())).unwrap();
        return;
    }
    // A distribution offers one version of HAProxy only, and replaces it.
    let known = known.split_once("\n\n").expect("the page has a line with versions").1;
    let changed: Vec<_> = table.lines().filter(|line| !known.lines().any(|other| other == *line)).collect();
    assert!(
        known == table,
        "docs/callers.md differs; REGENERATE=1 writes it. New lines:\n{}",
        changed.join("\n")
    );
}

fn versions() -> String {
    let versions =
        [Proxy::Traefik, Proxy::Caddy, Proxy::Nginx, Proxy::HAProxy, Proxy::Envoy].map(Proxy::version);
    format!("Programs: {}.\n", versions.join(", "))
}

fn tables(parts: &[&str], columns: &[(&str, Vec<Vec<Row>>)]) -> String {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let titles: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
        writeln!(text, "## {part}\n\n| | {} |\n|{}", titles.join(" | "), "---|".repeat(titles.len() + 1))
            .unwrap();
        for (number, row) in columns[0].1[index].iter().enumerate() {
            let cells = columns.iter().map(|(_, parts)| {
                assert_eq!(parts[index][number].situation, row.situation);
                parts[index][number].seen.as_str()
            });
            writeln!(text, "| {} | {} |", row.situation, cells.collect::<Vec<_>>().join(" | ")).unwrap();
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}
