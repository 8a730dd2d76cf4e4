//! How does the process end without cutting anyone off?
//!
//! First it says that it is not ready, and serves on, until the proxies have noticed; then it accepts no connection, and
//! those it has may finish; what is left after that is cut.

use std::time::Duration;

use tokio::sync::watch;

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Not ready, but serving.
    pub unready_first: Duration,
    /// Not accepting, but finishing.
    pub finish_within: Duration,
}

impl Drain {
    /// For a signal of an orchestrator, which takes a while to send its traffic elsewhere.
    pub const ORDERLY: Self =
        Self { unready_first: Duration::from_secs(5), finish_within: Duration::from_secs(20) };
    /// For a person at a terminal, who waits.
    pub const PROMPT: Self = Self { unready_first: Duration::ZERO, finish_within: Duration::from_secs(1) };
}

/// Tells the listeners to finish.
pub(super) struct Drainer(watch::Sender<Option<Duration>>);

/// Where a listener hears that it shall finish.
#[derive(Clone)]
pub(super) struct Draining(watch::Receiver<Option<Duration>>);

/// A pair of both.
pub(super) fn channel() -> (Drainer, Draining) {
    let (sender, receiver) = watch::channel(None);
    (Drainer(sender), Draining(receiver))
}

impl Drainer {
    /// Waits out the first step and begins the second.
    pub(super) async fn begin(self, how: Drain) {
        tokio::time::sleep(how.unready_first).await;
        self.0.send_replace(Some(how.finish_within));
    }
}

impl Draining {
    /// Ends when the listener shall accept no more; gives how long it may finish.
    pub(super) async fn begun(&mut self) -> Duration {
        // A sender that is gone means that the process is being torn down: finish at once.
        self.0.wait_for(Option::is_some).await.ok().and_then(|within| *within).unwrap_or_default()
    }
}
