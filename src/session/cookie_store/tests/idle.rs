//! Tests of the idle timeout

use super::refreshes::{at, begin_default, present_as, store_with};
use super::*;

#[test]
fn idle_session_ends_and_background_requests_do_not_extend_it() {
    let store = store_with(0, |lifetimes| lifetimes.idle = Some(Duration::from_secs(50)));
    let cookies = begin_default(&store);
    assert_eq!(present_as(&store, &cookies, at(40), false).state, "usable");
    assert_eq!(present_as(&store, &cookies, at(49), true).state, "usable");
    assert_eq!(present_as(&store, &cookies, at(98), false).state, "due");
    for second in [99, 99, 100] {
        assert_eq!(
            present_as(&store, &cookies, at(second), true).state,
            "expired",
            "a repeated request does not revive it"
        );
    }
}

#[test]
fn sealed_activity_time_counts_after_restart() {
    let idle = |lifetimes: &mut Lifetimes| lifetimes.idle = Some(Duration::from_secs(50));
    let before = store_with(0, idle);
    let cookies = begin_default(&before);
    assert_eq!(present_as(&before, &cookies, at(40), true).state, "usable");
    let after = store_with(45, idle);
    assert_eq!(present_as(&after, &cookies, at(49), true).state, "usable");
    assert_eq!(present_as(&after, &cookies, at(98), true).state, "due", "the registry records the activity");
    let late = store_with(45, idle);
    for second in [50, 50, 51] {
        assert_eq!(
            present_as(&late, &cookies, at(second), true).state,
            "expired",
            "a repeated request does not revive it"
        );
    }
    let polled = store_with(45, idle);
    assert_eq!(present_as(&polled, &cookies, at(49), false).state, "usable");
    assert_eq!(present_as(&polled, &cookies, at(50), false).state, "expired", "a poll is no activity");
}
