//! Which exchanges run, and who waits for them?

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::flow::ports::SessionId;

type Running = HashMap<SessionId, watch::Receiver<()>>;

/// The exchanges that run: as many as run at once.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Running>>);

/// An exchange that runs; whoever waits for it goes on when this is gone, whatever became of it.
pub(super) struct RunningExchange {
    waiting: Waiting,
    id: SessionId,
    _wakes: watch::Sender<()>,
}

impl Waiting {
    /// Enters an exchange; `None` if one runs.
    pub(super) fn begin(&self, id: SessionId) -> Option<RunningExchange> {
        let (wakes, receiver) = watch::channel(());
        self.with(|running| {
            let is_new = !running.contains_key(&id);
            is_new.then(|| running.insert(id, receiver))
        })?;
        Some(RunningExchange { waiting: self.clone(), id, _wakes: wakes })
    }

    /// Whether one runs.
    pub(super) fn runs(&self, id: SessionId) -> bool {
        self.with(|running| running.contains_key(&id))
    }

    /// Waits until none runs.
    pub(super) async fn end_of(&self, id: SessionId) {
        let receiver = self.with(|running| running.get(&id).cloned());
        if let Some(mut receiver) = receiver {
            // Nothing is ever sent: it ends with the sender.
            let _gone = receiver.changed().await;
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Running) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for RunningExchange {
    fn drop(&mut self) {
        self.waiting.with(|running| running.remove(&self.id));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_runs_at_a_time_and_all_who_wait_go_on_at_its_end() {
        let waiting = Waiting::default();
        let (one, other) = (SessionId([1; 16]), SessionId([2; 16]));
        let running = waiting.begin(one).unwrap();
        assert!(waiting.begin(one).is_none() && waiting.begin(other).is_some());
        let (mut first, mut second) = (Box::pin(waiting.end_of(one)), Box::pin(waiting.end_of(one)));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        drop(running);
        first.await;
        second.await;
        assert!(!waiting.runs(one));
        waiting.end_of(one).await;
    }
}
