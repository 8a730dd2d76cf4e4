//! Tests of the retry delay after failed loads

use super::*;

#[test]
fn retry_delay_grows_up_to_thirty_seconds_and_half_of_it_is_jitter() {
    let bounds = |failures| (retry_delay(failures, 0), retry_delay(failures, u64::MAX));
    assert_eq!(bounds(1).0, Duration::from_millis(500));
    assert_eq!(bounds(3).0, Duration::from_secs(2));
    assert_eq!(bounds(u32::MAX).0, Duration::from_secs(15));
    for failures in [1, 2, 3, 6, 40] {
        let (least, jittered) = bounds(failures);
        assert!(least < jittered && jittered <= MAX_RETRY_DELAY && jittered <= least * 2);
    }
}
