//! Which exchanges run, and who waits for them?
//!
//! Whoever waits holds a connection of a proxy, which others need whose tokens are good: so there are bounds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::Waited;
use crate::flow::ports::SessionId;

/// So many requests wait at once.
const MOST: usize = 1000;
/// So many of them for one session: more than the scripts of its pages send.
const MOST_OF_ONE: usize = 100;

/// The exchanges that run: as many as run at once.
#[derive(Clone)]
pub(super) struct Waiting {
    running: Arc<Mutex<HashMap<SessionId, Running>>>,
    places: Arc<Semaphore>,
}

#[derive(Clone)]
struct Running {
    ends: watch::Receiver<()>,
    places: Arc<Semaphore>,
}

/// An exchange that runs; whoever waits for it goes on when this is gone, whatever became of it.
pub(super) struct RunningExchange {
    waiting: Waiting,
    id: SessionId,
    _wakes: watch::Sender<()>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { running: Arc::default(), places: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Waiting {
    /// Enters an exchange; `None` if one runs.
    pub(super) fn begin(&self, id: SessionId) -> Option<RunningExchange> {
        let (wakes, ends) = watch::channel(());
        self.with(|running| {
            let is_new = !running.contains_key(&id);
            is_new
                .then(|| running.insert(id, Running { ends, places: Arc::new(Semaphore::new(MOST_OF_ONE)) }))
        })?;
        Some(RunningExchange { waiting: self.clone(), id, _wakes: wakes })
    }

    /// Whether one runs.
    pub(super) fn runs(&self, id: SessionId) -> bool {
        self.with(|running| running.contains_key(&id))
    }

    /// Waits until none runs, for `budget` at most, and not at all where too many do.
    pub(super) async fn end_of(&self, id: SessionId, budget: Duration) -> Waited {
        let Some(Running { mut ends, places }) = self.with(|running| running.get(&id).cloned()) else {
            return Waited::Ended;
        };
        let (Ok(_own), Ok(_of_all)) = (places.try_acquire(), self.places.try_acquire()) else {
            return Waited::NotNow;
        };
        // Nothing is ever sent: it ends with the sender.
        timeout(budget, ends.changed()).await.map_or(Waited::Longer, |_gone| Waited::Ended)
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<SessionId, Running>) -> T) -> T {
        act(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
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

    const LONG: Duration = Duration::from_secs(60);

    fn session(id: usize) -> SessionId {
        SessionId([u8::try_from(id).unwrap(); 16])
    }

    #[tokio::test]
    async fn one_runs_at_a_time_and_all_who_wait_go_on_at_its_end() {
        let waiting = Waiting::default();
        let (one, other) = (session(1), session(2));
        let running = waiting.begin(one).unwrap();
        assert!(waiting.begin(one).is_none() && waiting.begin(other).is_some());
        let (mut first, mut second) =
            (Box::pin(waiting.end_of(one, LONG)), Box::pin(waiting.end_of(one, LONG)));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(waiting.end_of(one, Duration::ZERO).await, Waited::Longer);
        drop(running);
        assert_eq!((first.await, second.await), (Waited::Ended, Waited::Ended));
        assert!(!waiting.runs(one));
        assert_eq!(waiting.end_of(one, LONG).await, Waited::Ended);
    }

    #[tokio::test]
    async fn nobody_waits_where_too_many_do_and_one_session_leaves_room_for_others() {
        let waiting = Waiting::default();
        let running: Vec<_> = (0..=10).map(|id| waiting.begin(session(id)).unwrap()).collect();
        let mut waits = Vec::new();
        for id in 0..10 {
            for _ in 0..MOST_OF_ONE {
                let mut wait = Box::pin(waiting.end_of(session(id), LONG));
                assert!((&mut wait).now_or_never().is_none(), "{id}");
                waits.push(wait);
            }
            assert_eq!(waiting.end_of(session(id), LONG).await, Waited::NotNow, "{id}");
        }
        assert_eq!(waiting.end_of(session(10), LONG).await, Waited::NotNow, "all places are taken");
        waits.pop();
        assert!(waiting.end_of(session(10), LONG).now_or_never().is_none());
        drop((waits, running));
    }
}
