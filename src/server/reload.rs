//! When is a file looked at again that may change while the process runs?
//!
//! Again and again, because whoever changes it tells nobody: a tool that renews certificates, or an orchestrator that
//! swaps the link behind which a mounted secret lies. What counts is what stands in it, not its time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Looks every so often, for ever, one look at a time. Each is told what the one before has seen.
pub(super) async fn follow<S: Clone + Send + 'static>(
    every: Duration,
    first: S,
    look: impl Fn(&S) -> S + Send + Sync + 'static,
) {
    let (look, mut seen) = (Arc::new(look), first);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (look, before) = (Arc::clone(&look), seen.clone());
        // Files may lie on a slow volume; a look that broke off is made again.
        seen = tokio::task::spawn_blocking(move || look(&before)).await.unwrap_or(seen);
    }
}
