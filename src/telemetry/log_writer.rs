//! Log writer: one thread with a bounded queue of lines
//!
//! 1. Only this thread writes. A reader that stalls or has gone blocks no request and no shutdown.
//! 2. A line that cannot be written is dropped and counted.
//! 3. The thread writes to a duplicate of standard error. It never holds the lock of [`std::io::stderr`], for which a
//!    panic would wait.
//!
//! `tracing-appender` has a similar writer, but it prints to standard output when it is dropped with a full queue. With a
//! stalled reader, the process could not stop.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The limit of queued lines. Most lines have 200 bytes, and none has more than some kilobytes.
const MAX_QUEUED_LINES: usize = 4096;
/// How long a shutdown waits until the last lines are written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval at which a flush retries if the queue is full.
const FLUSH_RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The count of log lines that could not be written.
#[derive(Clone, Default)]
pub struct LostLines(Arc<AtomicU64>);

impl LostLines {
    /// Returns the count since the process started.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

enum Message {
    Line(Vec<u8>),
    /// The thread drops the sender when all earlier lines have been written.
    Flush(SyncSender<()>),
}

/// The queue of lines.
#[derive(Clone)]
pub(super) struct LogWriter {
    queue: SyncSender<Message>,
    lost: LostLines,
}

impl LogWriter {
    /// Starts the thread, which writes to standard error. Fails if the system provides no thread or file descriptor.
    pub(super) fn start(lost: LostLines) -> io::Result<Self> {
        let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let (queue, lines) = sync_channel(MAX_QUEUED_LINES);
        let counted = lost.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&lines, output, &counted))?;
        Ok(Self { queue, lost })
    }

    /// Waits until all lines so far have been written, for a second at most.
    pub(super) fn flush(&self) {
        let (written, wait) = sync_channel(1);
        let mut message = Message::Flush(written);
        for _ in 0..FLUSH_TIMEOUT.as_millis() / FLUSH_RETRY_INTERVAL.as_millis() {
            match self.queue.try_send(message) {
                Ok(()) => {
                    // It returns when the thread drops the sender, or at the timeout.
                    let _written = wait.recv_timeout(FLUSH_TIMEOUT);
                    return;
                }
                Err(TrySendError::Full(same)) => message = same,
                Err(TrySendError::Disconnected(_)) => return,
            }
            thread::park_timeout(FLUSH_RETRY_INTERVAL);
        }
    }
}

fn write_lines(lines: &Receiver<Message>, mut output: impl Write, lost: &LostLines) {
    for message in lines {
        match message {
            Message::Line(line) if output.write_all(&line).is_err() => lost.increment(),
            Message::Line(_) => {}
            Message::Flush(written) => drop(written),
        }
    }
}

impl Write for LogWriter {
    /// The log calls this once for each line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.increment();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
