//! Reload of files while the process runs
//!
//! 1. Files are read at intervals, because tools that replace certificates or mounted secrets send no notice.
//! 2. Files are read at once on request (SIGHUP).
//! 3. The content determines whether a file has changed, not its modification time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Why a file is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The interval has passed. Only a change is logged.
    Interval,
    /// The operator requested it. The result is always logged.
    Request,
}

/// Sends requests to read files again.
pub struct Reloader(watch::Sender<()>);

/// Receives requests to read files again.
#[derive(Clone)]
pub struct ReloadRequests(watch::Receiver<()>);

impl Reloader {
    /// Returns a connected sender and receiver.
    pub fn new() -> (Self, ReloadRequests) {
        let (sender, receiver) = watch::channel(());
        (Self(sender), ReloadRequests(receiver))
    }

    /// Requests that all files be read again.
    pub fn request(&self) {
        self.0.send_replace(());
    }
}

impl ReloadRequests {
    /// Returns a receiver that never receives a request.
    pub fn never() -> Self {
        Reloader::new().1
    }

    async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Calls `reload` forever, one call at a time. Each call receives the state that the previous one returned.
pub(super) async fn follow<S: Clone + Send + 'static>(
    every: Duration,
    mut requests: ReloadRequests,
    first: S,
    reload: impl Fn(&S, Reason) -> S + Send + Sync + 'static,
) {
    let (reload, mut state) = (Arc::new(reload), first);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let reason = tokio::select! {
            _ = ticks.tick() => Reason::Interval,
            () = requests.next() => Reason::Request,
        };
        let (reload, before) = (Arc::clone(&reload), state.clone());
        // A file may be on a slow volume. If a call panics, the next one receives the same state.
        state = tokio::task::spawn_blocking(move || reload(&before, reason)).await.unwrap_or(state);
    }
}
