//! Drain: the end of the process without failed requests
//!
//! 1. The process says that it is not ready, and serves on until load balancers have noticed.
//! 2. It accepts no connection. Idle connections are closed; open requests finish.
//! 3. It exits once no request is open and no refresh runs. What is left at the timeout is cut, and WebSockets are cut at
//!    the exit: they have no end to wait for, and browsers connect again.

use std::time::Duration;

use tokio::sync::watch;

use crate::config::Drain as DrainSettings;

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Not ready, and still serving.
    pub unready_time: Duration,
    /// Accepting nothing new, and finishing what is open.
    pub finish_timeout: Duration,
}

impl Drain {
    /// For an operator at a terminal.
    pub const PROMPT: Self = Self { unready_time: Duration::ZERO, finish_timeout: Duration::from_secs(1) };
}

/// For the signal of an orchestrator.
impl From<&DrainSettings> for Drain {
    fn from(settings: &DrainSettings) -> Self {
        Self { unready_time: settings.unready_time, finish_timeout: settings.finish_timeout }
    }
}

/// Lets all listeners and connections finish when it is dropped.
pub(super) struct Drainer(watch::Sender<()>);

/// Receives the request to finish.
#[derive(Clone)]
pub(super) struct Draining(watch::Receiver<()>);

/// Returns a pair of both.
pub(super) fn channel() -> (Drainer, Draining) {
    let (sender, receiver) = watch::channel(());
    (Drainer(sender), Draining(receiver))
}

impl Drainer {
    /// Requests that all finish.
    pub(super) fn begin(self) {
        drop(self.0);
    }
}

impl Draining {
    /// Ends when no more connections and requests are to be accepted.
    pub(super) async fn begun(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}
