//! How are log lines written?
//!
//! Only our own lines follow the configured level: libraries below us log requests and frames when asked to, and those
//! hold cookies and tokens. They stay at warnings, whatever the level.

use std::io;

use tracing_subscriber::EnvFilter;

use super::line::Lines;
pub use super::line::LogFormat;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What is broken.
    Error,
    /// What may break.
    Warn,
    /// What happens.
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Begins to log to standard error; a second call in one process changes nothing.
pub fn begin(format: LogFormat, level: LogLevel) {
    let filter = EnvFilter::new(format!("warn,foregate={}", level.name()));
    let colours = format == LogFormat::People && io::IsTerminal::is_terminal(&io::stderr());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(io::stderr)
        .event_format(Lines(format));
    if lines.try_init().is_err() {
        tracing::debug!("logging had begun already");
    }
}
