//! The log: who writes it, and what becomes of a line that cannot be written
//!
//! 1. Only our own lines follow the configured level. Libraries log requests and frames at lower levels, and those hold
//!    cookies and tokens: they stay at warnings, whatever the level.
//! 2. No request waits for the log. One thread writes; up to [`MAX_WAITING_LINES`] lines wait for it.
//! 3. A line that cannot be written (no room, reader gone, disk full) is dropped and counted. Nothing else fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::line::Lines;
pub use super::line::LogFormat;

/// A line has at most some kilobytes, most have 200 bytes.
const MAX_WAITING_LINES: usize = 4096;

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

/// How many log lines could not be written.
#[derive(Clone, Default)]
pub struct LostLines {
    failed: Arc<AtomicU64>,
    /// Those that found no room among the waiting ones.
    without_room: Option<ErrorCounter>,
}

impl LostLines {
    /// The count since the process started.
    pub fn count(&self) -> u64 {
        let without_room = self.without_room.as_ref().map_or(0, ErrorCounter::dropped_lines);
        let without_room = u64::try_from(without_room).unwrap_or(u64::MAX);
        self.failed.load(Ordering::Relaxed).saturating_add(without_room)
    }
}

/// The running log. Dropping it writes what waits, for a second at most.
pub struct Log {
    lost: LostLines,
    _writer: WorkerGuard,
}

impl Log {
    /// Starts to log to standard error; a second call in one process changes nothing.
    pub fn start(format: LogFormat, level: LogLevel) -> Self {
        let failed = Arc::default();
        let output = CountingStderr { failed: Arc::clone(&failed) };
        let (queue, writer) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(MAX_WAITING_LINES)
            .thread_name("log")
            .finish(output);
        let lost = LostLines { failed, without_room: Some(queue.error_counter()) };
        let colours = format == LogFormat::People && io::IsTerminal::is_terminal(&io::stderr());
        let lines = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(format!("warn,foregate={}", level.name())))
            .with_ansi(colours)
            .with_writer(queue)
            // It would report a failed write with `eprintln!`, which panics if that fails too.
            .log_internal_errors(false)
            .event_format(Lines(format));
        if lines.try_init().is_err() {
            tracing::debug!("logging had begun already");
        }
        Self { lost, _writer: writer }
    }

    /// What could not be written.
    pub fn lost_lines(&self) -> LostLines {
        self.lost.clone()
    }
}

/// Standard error, whose failures are counted and go no further.
struct CountingStderr {
    failed: Arc<AtomicU64>,
}

impl io::Write for CountingStderr {
    /// The log's thread calls this once for each line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
