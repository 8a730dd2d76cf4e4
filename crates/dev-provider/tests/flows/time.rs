//! Lifetimes by a clock that the test moves

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dev_provider::{Clock, Settings};

use crate::harness::{Fixture, text};

#[tokio::test]
async fn lifetimes_and_date_follow_the_configured_clock() {
    let seconds = Arc::new(AtomicU64::new(784_111_777));
    let shown = Arc::clone(&seconds);
    let clock = Clock::new(move || Duration::from_secs(shown.load(Ordering::Relaxed)));
    let fixture = Fixture::with(Settings { clock, ..Settings::default() }).await;
    let reply = fixture.redeem(&fixture.code().await).await;
    // The example of RFC 9110 §5.6.7.
    assert_eq!(reply.header("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let tokens = reply.json();
    let userinfo = async || fixture.userinfo(text(&tokens, "access_token")).await.status;
    seconds.fetch_add(299, Ordering::Relaxed);
    assert_eq!(userinfo().await, 200);
    seconds.fetch_add(1, Ordering::Relaxed);
    assert_eq!(userinfo().await, 401);
}
