//! What does the log look like?

use super::checks::choice;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::Told;
use crate::telemetry::log::{LogFormat, LogLevel};

pub(super) const SECTION: Section = Section {
    path: "log",
    example: "",
    about: "What the log looks like.",
    keys: &[
        Key {
            name: "format",
            kind: Kind::Text,
            need: Need::Default("\"people\""),
            about: "people for lines that people read, json for lines that programs read.",
            right: "\"people\" or \"json\"",
        },
        Key {
            name: "level",
            kind: Kind::Text,
            need: Need::Default("\"info\""),
            about: "How much is said: error, warn, info, debug or trace.",
            right: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        },
    ],
};

/// What the log looks like.
pub struct Log {
    /// Who reads it.
    pub format: LogFormat,
    /// How much is said.
    pub level: LogLevel,
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Told> {
        let formats = [("people", LogFormat::People), ("json", LogFormat::Json)];
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        let format = reader.need("log.format", |text| choice(text, &formats));
        let level = reader.need("log.level", |text| choice(text, &levels));
        Ok(Self { format: format?, level: level? })
    }
}
