//! Refreshes in flight, and the requests that wait for them
//!
//! A waiting request occupies a connection of the proxy, which requests with valid tokens need too. So the number of
//! waiting requests is limited, in total and per session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::flow::ports::SessionId;

/// The maximum number of waiting requests.
const MAX_WAITING: usize = 1000;
/// The maximum number of waiting requests of one session: more than the scripts of its pages send.
const MAX_WAITING_PER_SESSION: usize = 100;

/// How the wait for a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshWait {
    /// No refresh is in flight any more: the session may have new tokens, or have ended.
    Ended,
    /// The refresh takes longer than the budget.
    TimedOut,
    /// There was no wait: the provider did not answer a moment ago, or too many refreshes or requests are in progress.
    NotNow,
}

/// The refreshes in flight.
#[derive(Clone)]
pub(super) struct InFlight {
    running: Arc<Mutex<HashMap<SessionId, Running>>>,
    permits: Arc<Semaphore>,
}

#[derive(Clone)]
struct Running {
    ended: watch::Receiver<()>,
    permits: Arc<Semaphore>,
}

/// A refresh in flight. Dropping it resumes the requests that wait for it, for any outcome.
pub(super) struct RunningRefresh {
    in_flight: InFlight,
    id: SessionId,
    _end: watch::Sender<()>,
}

impl Default for InFlight {
    fn default() -> Self {
        Self { running: Arc::default(), permits: Arc::new(Semaphore::new(MAX_WAITING)) }
    }
}

impl InFlight {
    /// Registers a refresh. Returns `None` if the session has a refresh in flight.
    pub(super) fn register(&self, id: SessionId) -> Option<RunningRefresh> {
        let (end, ended) = watch::channel(());
        self.with(|running| {
            let permits = Arc::new(Semaphore::new(MAX_WAITING_PER_SESSION));
            (!running.contains_key(&id)).then(|| running.insert(id, Running { ended, permits }))
        })?;
        Some(RunningRefresh { in_flight: self.clone(), id, _end: end })
    }

    /// Returns whether a refresh is in flight for the session.
    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.with(|running| running.contains_key(&id))
    }

    /// Waits until no refresh is in flight for the session, at most for `budget`. Does not wait if too many requests
    /// do.
    pub(super) async fn wait_for(&self, id: SessionId, budget: Duration) -> RefreshWait {
        let Some(Running { mut ended, permits }) = self.with(|running| running.get(&id).cloned()) else {
            return RefreshWait::Ended;
        };
        let (Ok(_own), Ok(_total)) = (permits.try_acquire(), self.permits.try_acquire()) else {
            return RefreshWait::NotNow;
        };
        // No value is ever sent: the wait ends when the sender is dropped.
        timeout(budget, ended.changed()).await.map_or(RefreshWait::TimedOut, |_dropped| RefreshWait::Ended)
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
    async fn second_refresh_is_not_registered_and_the_end_wakes_all_waits() {
        let in_flight = InFlight::default();
        let (one, other) = (session(1), session(2));
        let running = in_flight.register(one).unwrap();
        assert!(in_flight.register(one).is_none() && in_flight.register(other).is_some());
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
    async fn request_beyond_the_total_or_session_limit_does_not_wait() {
        let in_flight = InFlight::default();
        let running: Vec<_> = (0..=10).map(|id| in_flight.register(session(id)).unwrap()).collect();
        let mut waits = Vec::new();
        for id in 0..10 {
            for _ in 0..MAX_WAITING_PER_SESSION {
                let mut wait = Box::pin(in_flight.wait_for(session(id), LONG));
                assert!((&mut wait).now_or_never().is_none(), "{id}");
                waits.push(wait);
            }
            assert_eq!(in_flight.wait_for(session(id), LONG).await, RefreshWait::NotNow, "{id}");
        }
        assert_eq!(
            in_flight.wait_for(session(10), LONG).await,
            RefreshWait::NotNow,
            "the total limit is reached"
        );
        waits.pop();
        assert!(in_flight.wait_for(session(10), LONG).now_or_never().is_none());
        drop((waits, running));
    }
}
