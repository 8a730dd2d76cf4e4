//! Number of allocations of a check
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics on unexpected values")]

mod support;
#[path = "support/tickets.rs"]
mod tickets;

use std::sync::Arc;
use std::time::Duration;

use foregate::access::decision::Decision;
use foregate::server::SystemClock;
use foregate::session::records::{Bounds, MemoryRecords};
use futures_util::FutureExt;
use support::{Features, Scene};
use tickets::ticket_store;

#[test]
fn allowed_check_allocates_at_most_twice() {
    let scene = Scene::in_cookies(&Features::all());
    assert!(scene.cookie.len() > 2000, "a realistic cookie");
    assert_allocates_at_most(2, &scene);
}

#[test]
fn check_of_a_young_record_allocates_at_most_three_times() {
    let records = MemoryRecords::new(Bounds { sessions: 1, per_user: 1 }, Arc::new(SystemClock));
    let store = ticket_store(records, Duration::from_hours(1));
    let scene = Scene::over(store, &Features::all()).now_or_never().unwrap();
    assert_allocates_at_most(3, &scene);
}

fn assert_allocates_at_most(limit: u64, scene: &Scene) {
    let mut fields = 0;
    let warm = scene.check();
    let counted = allocation_counter::measure(|| {
        if let Decision::Allow(grant) = scene.check() {
            fields = grant.fields().count();
        }
    });
    drop(warm);
    assert_eq!(fields, 6, "it passed, with every field set");
    assert!(counted.count_total <= limit, "{counted:?}");
}
