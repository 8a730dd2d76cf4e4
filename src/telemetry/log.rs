//! The log: who writes it, and what becomes of a line that cannot be written
//!
//! 1. Only our own lines follow the configured level. Libraries log requests and frames at lower levels, and those hold
//!    cookies and tokens: they stay at warnings, whatever the level.
//! 2. No request waits for the log: see `log_writer`.
//! 3. A panic is a line of the log like any other, and prints nothing by itself.

use std::io;
use std::panic;

use tracing_subscriber::EnvFilter;

use super::line::Lines;
pub use super::line::LogFormat;
use super::log_writer::LogWriter;
pub use super::log_writer::LostLines;

/// The least severe events that are logged.
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

/// The running log. Dropping it writes what waits, for a second at most.
pub struct Log {
    lost: LostLines,
    writer: LogWriter,
}

impl Log {
    /// Starts to log to standard error; a second call in one process changes nothing. It fails if the system gives no
    /// thread or file descriptor.
    pub fn start(format: LogFormat, level: LogLevel) -> io::Result<Self> {
        let lost = LostLines::default();
        let writer = LogWriter::start(lost.clone())?;
        let colours = format == LogFormat::Text && io::IsTerminal::is_terminal(&io::stderr());
        let lines = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(format!("warn,foregate={}", level.name())))
            .with_ansi(colours)
            .with_writer(writer.clone())
            // It would report a failed write with `eprintln!`, which panics if that fails too.
            .log_internal_errors(false)
            .event_format(Lines(format));
        if lines.try_init().is_err() {
            tracing::debug!("logging had begun already");
        } else {
            // The default hook writes to standard error itself, and waits for its reader.
            panic::set_hook(Box::new(|panic| tracing::error!("a panic: {panic}")));
        }
        Ok(Self { lost, writer })
    }

    /// What could not be written.
    pub fn lost_lines(&self) -> LostLines {
        self.lost.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.writer.flush();
    }
}
