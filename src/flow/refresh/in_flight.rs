//! Refreshes in flight, and the requests that wait for them
//!
//! A request that waits holds a connection of a proxy, which requests with valid tokens need too: so the number of waiting
//! requests is bounded, with a share for each session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::flow::ports::SessionId;

/// Requests that wait at once.
const MAX_WAITING: usize = 1000;
/// Their number for one session: more than the scripts of its pages send.
const MAX_WAITING_OF_ONE: usize = 100;

/// How the wait for a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshWait {
    /// No refresh is in flight any more: the session may be fresh now, or have ended.
    Ended,
    /// It takes longer than the budget.
    TimedOut,
    /// The provider is not asked, because it did not answer a moment ago, or too many requests wait already.
    NotNow,
}

/// The refreshes in flight.
#[derive(Clone)]
pub(super) struct InFlight {
    running: Arc<Mutex<HashMap<SessionId, Running>>>,
    places: Arc<Semaphore>,
}

#[derive(Clone)]
struct Running {
    ends: watch::Receiver<()>,
    places: Arc<Semaphore>,
}

/// A refresh in flight. When it is dropped, the requests that wait for it go on, whatever its outcome.
pub(super) struct RunningRefresh {
    in_flight: InFlight,
    id: SessionId,
    _wakes: watch::Sender<()>,
}

impl Default for InFlight {
    fn default() -> Self {
        Self { running: Arc::default(), places: Arc::new(Semaphore::new(MAX_WAITING)) }
    }
}

impl InFlight {
    /// Enters a refresh; `None` if one is in flight.
    pub(super) fn enter(&self, id: SessionId) -> Option<RunningRefresh> {
        let (wakes, ends) = watch::channel(());
        self.with(|running| {
            let places = Arc::new(Semaphore::new(MAX_WAITING_OF_ONE));
            (!running.contains_key(&id)).then(|| running.insert(id, Running { ends, places }))
        })?;
        Some(RunningRefresh { in_flight: self.clone(), id, _wakes: wakes })
    }

    /// Whether one is in flight.
    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.with(|running| running.contains_key(&id))
    }

    /// Waits until none is in flight, for `budget` at most, and not at all if too many requests wait.
    pub(super) async fn wait_for(&self, id: SessionId, budget: Duration) -> RefreshWait {
        let Some(Running { mut ends, places }) = self.with(|running| running.get(&id).cloned()) else {
            return RefreshWait::Ended;
        };
        let (Ok(_own), Ok(_of_all)) = (places.try_acquire(), self.places.try_acquire()) else {
            return RefreshWait::NotNow;
        };
        // Nothing is ever sent: it ends with the sender.
        timeout(budget, ends.changed()).await.map_or(RefreshWait::TimedOut, |_gone| RefreshWait::Ended)
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<SessionId, Running>) -> T) -> T {
        act(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for RunningRefresh {
    fn drop(&mut self) {
        self.in_flight.with(|running| running.remove(&self.id));
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
    async fn one_is_in_flight_at_a_time_and_its_end_wakes_all_waiting() {
        let in_flight = InFlight::default();
        let (one, other) = (session(1), session(2));
        let running = in_flight.enter(one).unwrap();
        assert!(in_flight.enter(one).is_none() && in_flight.enter(other).is_some());
        let (mut first, mut second) =
            (Box::pin(in_flight.wait_for(one, LONG)), Box::pin(in_flight.wait_for(one, LONG)));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(in_flight.wait_for(one, Duration::ZERO).await, RefreshWait::TimedOut);
        drop(running);
        assert_eq!((first.await, second.await), (RefreshWait::Ended, RefreshWait::Ended));
        assert!(!in_flight.contains(one));
        assert_eq!(in_flight.wait_for(one, LONG).await, RefreshWait::Ended);
    }

    #[tokio::test]
    async fn full_room_lets_no_request_wait_and_a_session_has_a_share() {
        let in_flight = InFlight::default();
        let running: Vec<_> = (0..=10).map(|id| in_flight.enter(session(id)).unwrap()).collect();
        let mut waits = Vec::new();
        for id in 0..10 {
            for _ in 0..MAX_WAITING_OF_ONE {
                let mut wait = Box::pin(in_flight.wait_for(session(id), LONG));
                assert!((&mut wait).now_or_never().is_none(), "{id}");
                waits.push(wait);
            }
            assert_eq!(in_flight.wait_for(session(id), LONG).await, RefreshWait::NotNow, "{id}");
        }
        assert_eq!(in_flight.wait_for(session(10), LONG).await, RefreshWait::NotNow, "all places are taken");
        waits.pop();
        assert!(in_flight.wait_for(session(10), LONG).now_or_never().is_none());
        drop((waits, running));
    }
}
