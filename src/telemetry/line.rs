//! Format of a log line
//!
//! 1. An event is one line. The content of a field cannot look like another field or another line.
//! 2. Every text is cut to a maximum length.
//! 3. Characters that begin a line, move the cursor or change the direction of writing are escaped as in JSON (RFC 8259
//!    §7), in both formats.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::access::quoted::is_hidden;

/// The limit of one field, in characters.
const MAX_FIELD_CHARACTERS: usize = 512;
/// The limit of a message, in characters. Messages are our own texts, and some explain a problem in detail.
const MAX_MESSAGE_CHARACTERS: usize = 2048;
/// Fields with the explanation of a failure. It may quote the provider, which may name the remedy at the end of its text.
const EXPLANATIONS: [&str; 2] = ["detail", "error"];
/// Marks the end of a text that was cut.
const CUT: &str = "…(cut)";

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For operators at a terminal: one line of text for each event, with colours.
    Text,
    /// For programs: one JSON object on each line.
    Json,
}

/// Formats events as lines.
pub(super) struct EventFormatter(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for EventFormatter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut parts = LineParts { format: self.0, message: String::new(), fields: String::new() };
        event.record(&mut parts);
        let LineParts { message, fields, .. } = parts;
        let level = event.metadata().level();
        match self.0 {
            LogFormat::Json => {
                writer.write_str("{\"timestamp\":\"")?;
                SystemTime.format_time(&mut writer)?;
                writeln!(writer, "\",\"level\":\"{level}\",\"message\":\"{message}\"{fields}}}")
            }
            LogFormat::Text => {
                let [dim, colour, end] = colour_codes(*level, writer.has_ansi_escapes());
                writer.write_str(dim)?;
                SystemTime.format_time(&mut writer)?;
                // Without the separator, the last word of the message would seem to belong to the first field.
                let separator = if fields.is_empty() { "" } else { " |" };
                writeln!(writer, "{end} {colour}{level:>5}{end} {message}{separator}{fields}")
            }
        }
    }
}

/// Returns the sequences that begin a time, begin a level, and end both (ECMA-48 §8.3.117).
fn colour_codes(level: Level, enabled: bool) -> [&'static str; 3] {
    if !enabled {
        return [""; 3];
    }
    let colour = match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        _ => "\u{1b}[34m",
    };
    ["\u{1b}[2m", colour, "\u{1b}[0m"]
}

/// The parts of a line, escaped and cut.
struct LineParts {
    format: LogFormat,
    message: String,
    fields: String,
}

impl LineParts {
    /// Adds a text. `quotes` is whether the text format needs quotes even around a single word.
    fn push_text(&mut self, field: &Field, quotes: bool, value: fmt::Arguments<'_>) {
        if field.name() == "message" {
            self.message = escape_and_cut(MAX_MESSAGE_CHARACTERS, value);
            return;
        }
        let is_explanation = EXPLANATIONS.contains(&field.name());
        let value =
            escape_and_cut(if is_explanation { MAX_MESSAGE_CHARACTERS } else { MAX_FIELD_CHARACTERS }, value);
        let quotes = quotes || value.is_empty() || value.contains([' ', '\\', '=', '"']);
        if quotes || self.format == LogFormat::Json {
            self.push_bare(field, format_args!("\"{value}\""));
        } else {
            self.push_bare(field, format_args!("{value}"));
        }
    }

    /// Adds a value without quotes.
    fn push_bare(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        // Writing into a string cannot fail.
        let _written = match self.format {
            LogFormat::Json => write!(self.fields, ",\"{name}\":{value}"),
            LogFormat::Text => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for LineParts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.push_text(field, false, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_text(field, true, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push_bare(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push_bare(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push_bare(field, format_args!("{value}"));
    }
}

/// Returns the text escaped, and cut to `max_characters` before escaping.
fn escape_and_cut(max_characters: usize, text: fmt::Arguments<'_>) -> String {
    let mut escaped = EscapedText { written: String::new(), remaining: max_characters };
    // The only error is that the limit is reached: then formatting stops.
    if escaped.write_fmt(text).is_err() {
        escaped.written.push_str(CUT);
    }
    escaped.written
}

/// A text that is escaped while it is written.
struct EscapedText {
    written: String,
    /// The number of characters that may still be written.
    remaining: usize,
}

impl Write for EscapedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.remaining = self.remaining.checked_sub(1).ok_or(fmt::Error)?;
            match character {
                '\n' => self.written.push_str("\\n"),
                '\r' => self.written.push_str("\\r"),
                '"' | '\\' => self.written.extend(['\\', character]),
                // All of them are in the Basic Multilingual Plane, so four digits are enough.
                hidden if is_hidden(hidden) => write!(self.written, "\\u{:04x}", u32::from(hidden))?,
                other => self.written.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
