//! Conditions that a test waits for

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// The time limit of a condition. A loaded machine takes long.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + TIME_LIMIT;
    while !holds().await {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(100)).await;
    }
}
