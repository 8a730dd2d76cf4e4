//! Number of allocations of a check
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics on unexpected values")]

mod support;

use foregate::access::decision::Decision;
use support::Scene;

#[test]
fn allowed_check_allocates_at_most_twice() {
    let scene = Scene::with_all_features();
    assert!(scene.cookie.len() > 2000, "a realistic cookie");
    let mut fields = 0;
    let warm = scene.check();
    let counted = allocation_counter::measure(|| {
        if let Decision::Allow(grant) = scene.check() {
            fields = grant.fields().count();
        }
    });
    drop(warm);
    assert_eq!(fields, 6, "it passed, with every field set");
    assert!(counted.count_total <= 2, "{counted:?}");
}
