//! What a stranger may put into a field, and the line it makes.

use serde_json::Value;
use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::testing::Kept;

/// What is written of the events of `tell`.
fn log(format: LogFormat, tell: impl FnOnce()) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .event_format(Lines(format));
    with_default(lines.finish(), tell);
    kept.text()
}

fn hostile() -> Vec<String> {
    let mut all = vec![
        "a\r\n2026-01-01T00:00:00Z ERROR forged".to_owned(),
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{85}\0\u{7f}\t".to_owned(),
        "a\" level=\"ERROR\" b=\"\\".to_owned(),
        "x".repeat(100_000),
        "\u{202e}".repeat(100_000),
        "\n".repeat(100_000),
        "ü".repeat(100_000),
        String::new(),
    ];
    all.extend(
        "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}".chars().map(String::from),
    );
    all
}

#[test]
fn whatever_a_field_holds_an_event_is_one_short_line() {
    for format in [LogFormat::Text, LogFormat::Json] {
        for text in hostile() {
            let told = log(format, || {
                tracing::warn!(host = text, reason = %text, kind = ?text, number = 7, "{text}");
            });
            let line = told.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(is_hidden), "{format:?}: {line:?}");
            assert!(
                line.len() < 6 * (3 * MAX_CHARACTERS + MAX_MESSAGE_CHARACTERS) + 200,
                "{format:?}: {}",
                line.len()
            );
            let shown = |most: usize| text.chars().take(most).collect::<String>();
            if format == LogFormat::Json {
                let line: Value = serde_json::from_str(line).unwrap();
                assert!(line["host"].as_str().unwrap().starts_with(&shown(MAX_CHARACTERS)));
                assert!(line["message"].as_str().unwrap().starts_with(&shown(MAX_MESSAGE_CHARACTERS)));
                assert_eq!((&line["level"], &line["number"]), (&"WARN".into(), &7.into()));
                let longest = MAX_CHARACTERS + CUT.chars().count();
                for field in ["host", "reason", "kind"] {
                    assert!(line[field].as_str().unwrap().chars().count() <= longest, "{line}");
                }
            }
        }
    }
}

#[test]
fn what_was_cut_says_so_and_what_fits_does_not() {
    let at = |count: usize| log(LogFormat::Json, || tracing::warn!(host = "x".repeat(count), "m"));
    assert!(!at(MAX_CHARACTERS).contains(CUT));
    assert!(at(MAX_CHARACTERS + 1).contains(CUT));
}

#[test]
fn what_cannot_be_seen_is_written_so_that_it_can() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let told = log(format, || tracing::warn!(reason = %"a\r\nb\u{1b}\u{202e}\u{2028}\u{61c}c", "m"));
        assert!(told.contains(r#""a\r\nb\u001b\u202e\u2028\u061cc""#), "{told}");
    }
}

#[test]
fn a_field_for_people_cannot_look_like_two() {
    let told =
        log(LogFormat::Text, || tracing::warn!(reason = %"no subject=root", client = %"10.0.0.1", "m"));
    assert!(told.ends_with(" WARN m reason=\"no subject=root\" client=10.0.0.1\n"), "{told}");
}
