//! Format and level of the log

use super::checks::choice;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::{Reported, Wrong};
use crate::telemetry::log::{LogFormat, LogLevel};

pub(super) const SECTION: Section = Section {
    path: "log",
    example: "",
    about: "The format and the level of the log.",
    keys: &[
        Key {
            name: "format",
            kind: Kind::Text,
            need: Need::Default("\"text\""),
            about: "text for lines that humans read, json for lines that programs read.",
            right: "\"text\" or \"json\"",
        },
        Key {
            name: "level",
            kind: Kind::Text,
            need: Need::Default("\"info\""),
            about: "The least severe level that is logged: error, warn, info, debug or trace.",
            right: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        },
    ],
};

/// The format and the level of the log.
pub struct Log {
    /// The format: text or JSON.
    pub format: LogFormat,
    /// The least severe level that is logged.
    pub level: LogLevel,
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        let format = reader.read_required("log.format", |text| match text {
            "people" => Err(Wrong::new("the format people was renamed to text")),
            _ => choice(text, &formats),
        });
        let level = reader.read_required("log.level", |text| choice(text, &levels));
        Ok(Self { format: format?, level: level? })
    }
}
