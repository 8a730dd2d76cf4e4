//! The log's writer: one thread, for which a bounded number of lines wait
//!
//! 1. No thread but this one ever writes: a reader that stalls, or is gone, keeps no request and no stop waiting.
//! 2. A line that cannot be written is dropped and counted.
//! 3. It writes to a duplicate of standard error, so that it never holds the lock of [`std::io::stderr`], for which a
//!    panic would wait.
//!
//! `tracing-appender` has such a writer, but prints to standard output when it is dropped with a full queue: with a
//! stalled reader the process could not stop.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// A line has at most some kilobytes, most have 200 bytes.
const MAX_WAITING_LINES: usize = 4096;
/// How long a stop waits until the last lines are written.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// How often it looks for room in a full queue meanwhile.
const FLUSH_RETRY: Duration = Duration::from_millis(10);

/// How many log lines could not be written.
#[derive(Clone, Default)]
pub struct LostLines(Arc<AtomicU64>);

impl LostLines {
    /// The count since the process started.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

enum Message {
    Line(Vec<u8>),
    /// All lines before it have been written when this is dropped.
    Flush(SyncSender<()>),
}

/// Where lines wait.
#[derive(Clone)]
pub(super) struct LogWriter {
    queue: SyncSender<Message>,
    lost: LostLines,
}

impl LogWriter {
    /// Starts the thread, which writes to standard error.
    pub(super) fn start(lost: LostLines) -> io::Result<Self> {
        let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let (queue, lines) = sync_channel(MAX_WAITING_LINES);
        let counted = lost.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&lines, output, &counted))?;
        Ok(Self { queue, lost })
    }

    /// Waits until all lines so far have been written, for a second at most.
    pub(super) fn flush(&self) {
        let (written, wait) = sync_channel(1);
        let mut message = Message::Flush(written);
        for _ in 0..FLUSH_WITHIN.as_millis() / FLUSH_RETRY.as_millis() {
            match self.queue.try_send(message) {
                Ok(()) => {
                    // It ends when the thread drops the other end, or with the time.
                    let _written = wait.recv_timeout(FLUSH_WITHIN);
                    return;
                }
                Err(TrySendError::Full(same)) => message = same,
                Err(TrySendError::Disconnected(_)) => return,
            }
            thread::park_timeout(FLUSH_RETRY);
        }
    }
}

fn write_all(lines: &Receiver<Message>, mut output: impl Write, lost: &LostLines) {
    for message in lines {
        match message {
            Message::Line(line) if output.write_all(&line).is_err() => lost.add(),
            Message::Line(_) => {}
            Message::Flush(written) => drop(written),
        }
    }
}

impl Write for LogWriter {
    /// The log calls this once for each line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.add();
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
