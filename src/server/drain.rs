//! Drain: shutdown without failed requests
//!
//! 1. The process reports that it is not ready. It continues to serve until load balancers have noticed.
//! 2. It accepts no new connections. It closes idle connections and finishes open requests.
//! 3. It exits when no request is open and no refresh runs. At the timeout, it cuts the remaining connections and
//!    refreshes. It cuts WebSockets at the exit: they do not end by themselves, and browsers connect again.

use std::time::Duration;

use tokio::sync::watch;

use crate::config::Drain as DrainSettings;

/// The duration of each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long the process reports that it is not ready and still serves.
    pub unready_time: Duration,
    /// How long open requests and refreshes may take to finish.
    pub finish_timeout: Duration,
}

impl Drain {
    /// The drain for an operator at a terminal: at most one second.
    pub const PROMPT: Self = Self { unready_time: Duration::ZERO, finish_timeout: Duration::from_secs(1) };
}

/// The configured drain, for the signal of an orchestrator.
impl From<&DrainSettings> for Drain {
    fn from(settings: &DrainSettings) -> Self {
        Self { unready_time: settings.unready_time, finish_timeout: settings.finish_timeout }
    }
}

/// Starts the drain of all listeners and connections when it is dropped.
pub(super) struct Drainer(watch::Sender<()>);

/// Receives the start of the drain.
#[derive(Clone)]
pub(super) struct Draining(watch::Receiver<()>);

/// Returns a connected sender and receiver.
pub(super) fn channel() -> (Drainer, Draining) {
    let (sender, receiver) = watch::channel(());
    (Drainer(sender), Draining(receiver))
}

impl Drainer {
    /// Starts the drain.
    pub(super) fn begin(self) {
        drop(self.0);
    }
}

impl Draining {
    /// Waits until the drain starts. After that, no connection or request is accepted.
    pub(super) async fn wait_for_start(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}
