//! A clock that only the test advances

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foregate::flow::ports::{Clock, UnixTime};
use foregate::server::SystemClock;

/// The clock of a test, which gateway, provider and forger share.
///
/// It starts at the machine's time, and only [`TestClock::advance`] advances it. A slow machine therefore does not let
/// tokens expire; real time plus an offset would. TLS checks the validity of certificates with the machine's clock.
/// Servers without this clock take their `Date` from the machine's clock. Because the clock starts at that time,
/// these times agree with it.
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

    /// Returns the same clock for the development provider.
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

/// The time limit of a condition: far longer than a slow machine needs.
const TIME_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(15);

/// Waits until `condition` holds; panics after [`TIME_LIMIT`] with `what`, the event that was expected.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(POLL).await;
        }
    };
    within(what, holds).await;
}

/// Waits for a future that must end; panics after [`TIME_LIMIT`] with `what`, the event that was expected.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIME_LIMIT, event)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {TIME_LIMIT:?}"))
}
