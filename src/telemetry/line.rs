//! How does an event become one line, whatever its fields hold?
//!
//! Every text is cut to a length, and what would begin a line, move the cursor or turn the direction of writing is
//! written as JSON escapes it (RFC 8259 §7), in both formats; so nothing a field holds can look like another field, or
//! another line.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::access::quoted::is_hidden;

/// Characters of one field.
const MAX_CHARACTERS: usize = 512;
/// Characters of a message: those are ours, and some explain at length.
const MAX_MESSAGE_CHARACTERS: usize = 2048;
/// Stands where the rest of a text was cut off.
const CUT: &str = "…(cut)";

/// Who reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// People in a terminal: one line, with colours.
    Text,
    /// Programs: one JSON object a line.
    Json,
}

/// Writes events.
pub(super) struct Lines(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
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
        let mut parts = Parts { format: self.0, message: String::new(), fields: String::new() };
        event.record(&mut parts);
        let Parts { message, fields, .. } = parts;
        let level = event.metadata().level();
        match self.0 {
            LogFormat::Json => {
                writer.write_str("{\"timestamp\":\"")?;
                SystemTime.format_time(&mut writer)?;
                writeln!(writer, "\",\"level\":\"{level}\",\"message\":\"{message}\"{fields}}}")
            }
            LogFormat::Text => {
                let [dim, colour, end] = colours(*level, writer.has_ansi_escapes());
                writer.write_str(dim)?;
                SystemTime.format_time(&mut writer)?;
                writeln!(writer, "{end} {colour}{level:>5}{end} {message}{fields}")
            }
        }
    }
}

/// What begins a time, what begins a level, and what ends both (ECMA-48 §8.3.117).
fn colours(level: Level, wanted: bool) -> [&'static str; 3] {
    if !wanted {
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

/// The parts of a line, ready to be written.
struct Parts {
    format: LogFormat,
    message: String,
    fields: String,
}

impl Parts {
    /// `quotes` says whether people's format needs them even around a plain word.
    fn text(&mut self, field: &Field, quotes: bool, value: fmt::Arguments<'_>) {
        if field.name() == "message" {
            self.message = short(MAX_MESSAGE_CHARACTERS, value);
            return;
        }
        let value = short(MAX_CHARACTERS, value);
        let quotes = quotes || value.is_empty() || value.contains([' ', '\\', '=', '"']);
        if quotes || self.format == LogFormat::Json {
            self.bare(field, format_args!("\"{value}\""));
        } else {
            self.bare(field, format_args!("{value}"));
        }
    }

    fn bare(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        // Writing into a string has no way to fail.
        let _written = match self.format {
            LogFormat::Json => write!(self.fields, ",\"{name}\":{value}"),
            LogFormat::Text => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, false, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, true, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, format_args!("{value}"));
    }
}

/// The text escaped and cut to `most` characters of its own.
fn short(most: usize, text: fmt::Arguments<'_>) -> String {
    let mut short = Short { written: String::new(), left: most };
    // The only failure is that it is full: then nothing more is formatted.
    if short.write_fmt(text).is_err() {
        short.written.push_str(CUT);
    }
    short.written
}

struct Short {
    written: String,
    left: usize,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            match character {
                '\n' => self.written.push_str("\\n"),
                '\r' => self.written.push_str("\\r"),
                '"' | '\\' => self.written.extend(['\\', character]),
                // None of them lies beyond the first plane, so that four digits are enough.
                hidden if is_hidden(hidden) => write!(self.written, "\\u{:04x}", u32::from(hidden))?,
                other => self.written.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
