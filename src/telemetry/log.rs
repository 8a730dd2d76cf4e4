//! How are log lines written?
//!
//! Only our own lines follow the configured level: libraries below us log requests and frames when asked to, and those
//! hold cookies and tokens. They stay at warnings, whatever the level.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// For whom lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: one line with colours on a terminal.
    People,
    /// For machines: one JSON object a line.
    Json,
}

/// Begins to log to standard error; a second call in one process changes nothing.
pub fn begin(format: Format, level: &str) {
    let filter = EnvFilter::new(format!("warn,foregate={level}"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(io::stderr);
    let begun = match format {
        Format::People => {
            lines.with_target(false).with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init()
        }
        Format::Json => lines.json().flatten_event(true).with_target(false).try_init(),
    };
    if begun.is_err() {
        tracing::debug!("logging had begun already");
    }
}
