//! Tests of the line format with hostile field content

use serde_json::Value;
use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::testing::CapturedLog;

/// Returns the lines that the events of `emit` write.
fn log(format: LogFormat, emit: impl FnOnce()) -> String {
    let captured = CapturedLog::default();
    let writer = captured.clone();
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .event_format(EventFormatter(format));
    with_default(lines.finish(), emit);
    captured.text()
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
fn event_with_hostile_fields_is_one_short_line() {
    for format in [LogFormat::Text, LogFormat::Json] {
        for text in hostile() {
            let written = log(format, || {
                tracing::warn!(host = text, reason = %text, kind = ?text, number = 7, "{text}");
            });
            let line = written.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(is_hidden), "{format:?}: {line:?}");
            assert!(
                line.len() < 6 * (3 * MAX_FIELD_CHARACTERS + MAX_MESSAGE_CHARACTERS) + 200,
                "{format:?}: {}",
                line.len()
            );
            let start = |count: usize| text.chars().take(count).collect::<String>();
            if format == LogFormat::Json {
                let line: Value = serde_json::from_str(line).unwrap();
                assert!(line["host"].as_str().unwrap().starts_with(&start(MAX_FIELD_CHARACTERS)));
                assert!(line["message"].as_str().unwrap().starts_with(&start(MAX_MESSAGE_CHARACTERS)));
                assert_eq!((&line["level"], &line["number"]), (&"WARN".into(), &7.into()));
                let longest = MAX_FIELD_CHARACTERS + CUT.chars().count();
                for field in ["host", "reason", "kind"] {
                    assert!(line[field].as_str().unwrap().chars().count() <= longest, "{line}");
                }
            }
        }
    }
}

#[test]
fn cut_text_is_marked_and_text_that_fits_is_not() {
    let at = |count: usize| log(LogFormat::Json, || tracing::warn!(host = "x".repeat(count), "m"));
    assert!(!at(MAX_FIELD_CHARACTERS).contains(CUT));
    assert!(at(MAX_FIELD_CHARACTERS + 1).contains(CUT));
}

#[test]
fn invisible_characters_are_escaped() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let written = log(format, || tracing::warn!(reason = %"a\r\nb\u{1b}\u{202e}\u{2028}\u{61c}c", "m"));
        assert!(written.contains(r#""a\r\nb\u001b\u202e\u2028\u061cc""#), "{written}");
    }
}

#[test]
fn field_in_text_format_cannot_look_like_two_fields() {
    let written =
        log(LogFormat::Text, || tracing::warn!(reason = %"no subject=root", client = %"10.0.0.1", "m"));
    assert!(written.ends_with(" WARN m | reason=\"no subject=root\" client=10.0.0.1\n"), "{written}");
}
