//! Files that are read again while the process runs
//!
//! They are read at intervals, because a tool that renews certificates, or an orchestrator that replaces a mounted
//! secret, sends no notice; and at once on request (SIGHUP). The contents decide, not the file's time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Why a file is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its interval has passed: only what is new is reported.
    Interval,
    /// The operator asked: the result is reported in any case.
    Request,
}

/// Requests that files are read again.
pub struct Reloader(watch::Sender<()>);

/// Where the requests arrive.
#[derive(Clone)]
pub struct ReloadRequests(watch::Receiver<()>);

impl Reloader {
    /// A pair of both ends.
    pub fn new() -> (Self, ReloadRequests) {
        let (sender, receiver) = watch::channel(());
        (Self(sender), ReloadRequests(receiver))
    }

    /// Requests that all files are read again.
    pub fn request(&self) {
        self.0.send_replace(());
    }
}

impl ReloadRequests {
    /// No request ever arrives.
    pub fn never() -> Self {
        Reloader::new().1
    }

    async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reads for ever, one look at a time. Each look receives what the one before has seen.
pub(super) async fn follow<S: Clone + Send + 'static>(
    every: Duration,
    mut requests: ReloadRequests,
    first: S,
    look: impl Fn(&S, Reason) -> S + Send + Sync + 'static,
) {
    let (look, mut seen) = (Arc::new(look), first);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let reason = tokio::select! {
            _ = ticks.tick() => Reason::Interval,
            () = requests.next() => Reason::Request,
        };
        let (look, before) = (Arc::clone(&look), seen.clone());
        // A file may be on a slow volume. A look that panics is repeated.
        seen = tokio::task::spawn_blocking(move || look(&before, reason)).await.unwrap_or(seen);
    }
}
