//! A clock that stands still until the test moves it

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foregate::flow::ports::{Clock, UnixTime};
use foregate::server::SystemClock;

/// The clock of a test: gateway, provider and forger share it.
///
/// It starts at the machine's time and moves by [`TestClock::advance`] alone. A token therefore expires when the test
/// says so, however long the machine takes. Real time plus an offset would let tokens expire on a slow machine. The
/// start at the machine's time keeps what reads the machine's clock in agreement: the validity of certificates in TLS,
/// and the `Date` of servers that do not have this clock.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(SystemClock.now().0)))
    }

    /// Moves the clock by whole seconds, the unit of every time in a token.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// The same clock for the development provider.
    pub(crate) fn of_provider(&self) -> dev_provider::Clock {
        let clock = self.clone();
        dev_provider::Clock::new(move || Duration::from_secs(clock.now().0))
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

/// How long a condition may take to hold: far longer than it takes on a slow machine.
const BOUND: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(15);

/// Waits until `condition` holds; panics after [`BOUND`] with `what`, the event that was expected.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(POLL).await;
        }
    };
    within(what, holds).await;
}

/// Waits for a future that must end; panics after [`BOUND`] with `what`, the event that was expected.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, event).await.unwrap_or_else(|_| panic!("{what}: not within {BOUND:?}"))
}
