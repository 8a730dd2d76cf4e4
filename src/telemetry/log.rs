//! Log: levels, formats and start
//!
//! 1. The configured level applies to our own lines only. Libraries log at `warn`, because their lower levels contain
//!    requests and frames with cookies and tokens.
//! 2. No request waits for the log. See `log_writer`.
//! 3. A panic is logged as a normal line and prints nothing else.

use std::io;
use std::panic;

use tracing_subscriber::EnvFilter;

use super::line::EventFormatter;
pub use super::line::LogFormat;
use super::log_writer::LogWriter;
pub use super::log_writer::LostLines;

/// The least severe events that are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Problems that may cause a failure.
    Warn,
    /// Events.
    Info,
    /// Reasons of events.
    Debug,
    /// All details.
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

/// The running log. Dropping it writes the queued lines and waits at most one second for them.
pub struct Log {
    lost: LostLines,
    writer: LogWriter,
}

impl Log {
    /// Starts to log to standard error. A second call in one process changes nothing. Fails if the system provides no
    /// thread or file descriptor.
    pub fn start(format: LogFormat, level: LogLevel) -> io::Result<Self> {
        let lost = LostLines::default();
        let writer = LogWriter::start(lost.clone())?;
        let colours = format == LogFormat::Text && io::IsTerminal::is_terminal(&io::stderr());
        let lines = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(format!("warn,foregate={}", level.name())))
            .with_ansi(colours)
            .with_writer(writer.clone())
            // Otherwise, it reports a failed write with `eprintln!`, which panics if that also fails.
            .log_internal_errors(false)
            .event_format(EventFormatter(format));
        if lines.try_init().is_err() {
            tracing::debug!("log already started");
        } else {
            // The default hook writes to standard error directly, and a stalled reader blocks it.
            panic::set_hook(Box::new(|panic| tracing::error!("panic: {panic}")));
        }
        Ok(Self { lost, writer })
    }

    /// Returns the count of lines that could not be written.
    pub fn lost_lines(&self) -> LostLines {
        self.lost.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.writer.flush();
    }
}
