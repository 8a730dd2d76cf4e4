//! A clock that the test moves

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dev_provider::{Clock, Settings};

use crate::harness::{World, text};

#[tokio::test]
async fn lives_and_date_follow_the_clock_of_the_settings() {
    let seconds = Arc::new(AtomicU64::new(784_111_777));
    let shown = Arc::clone(&seconds);
    let clock = Clock::new(move || Duration::from_secs(shown.load(Ordering::Relaxed)));
    let world = World::with(Settings { clock, ..Settings::default() }).await;
    let reply = world.redeem(&world.code().await).await;
    // The example of RFC 9110 §5.6.7.
    assert_eq!(reply.header("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let tokens = reply.json();
    let userinfo = async || world.userinfo(text(&tokens, "access_token")).await.status;
    seconds.fetch_add(299, Ordering::Relaxed);
    assert_eq!(userinfo().await, 200);
    seconds.fetch_add(1, Ordering::Relaxed);
    assert_eq!(userinfo().await, 401);
}
