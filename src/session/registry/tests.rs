use std::time::Duration;

use super::*;
use crate::access::policy::PolicyVerdicts;

const ROOM: Room = Room { sessions: 4, per_user: 2 };
const NOW: UnixTime = UnixTime(100);

fn listed(id: u8, generation: u64, subject: &str) -> Listed<'_> {
    Listed {
        id: SessionId([id; 16]),
        generation,
        subject,
        ends_at: UnixTime(1000),
        active_at: NOW,
        policies: None,
    }
}

fn times(active_at: u64) -> Latest {
    Latest { active_at: UnixTime(active_at), answered: 0 }
}

fn presentation(at: u64, active: bool) -> Presentation {
    Presentation { now: UnixTime(at), active, idle: None, unknown_lease: RefreshLease::Available }
}

fn registry_with_session() -> (Registry<&'static str>, Listed<'static>) {
    let (registry, one) = (Registry::new(ROOM), listed(1, 1, "alice"));
    registry.begin(one, 0, NOW).unwrap();
    (registry, one)
}

fn present(registry: &Registry<&'static str>, generation: u64, at: u64) -> Presented<&'static str> {
    registry.record_presented(listed(1, generation, "alice"), presentation(at, false))
}

fn next(of: Listed<'_>) -> Listed<'_> {
    Listed { generation: of.generation + 1, ..of }
}

#[test]
fn one_refresh_runs_and_its_result_is_kept_until_presented() {
    let (registry, one) = registry_with_session();
    assert!(registry.try_lease(one, 0, NOW) && !registry.try_lease(one, 0, NOW));
    assert!(matches!(present(&registry, 1, 100), Presented::Newest { lease: RefreshLease::Held, .. }));
    assert_eq!(
        registry.commit(next(one), ("second", RefreshLease::Available), NOW),
        Some(Delivery::NoFailure)
    );
    for _ in 0..2 {
        assert!(matches!(
            present(&registry, 1, 101),
            Presented::Newer { result: "second", lease: RefreshLease::Available, .. }
        ));
    }
    assert!(matches!(present(&registry, 2, 102), Presented::Newest { lease: RefreshLease::Available, .. }));
    assert!(
        matches!(present(&registry, 1, 161), Presented::Newer { result: "second", .. }),
        "a request that the browser sent before"
    );
    assert!(
        matches!(present(&registry, 1, 162), Presented::Older { .. }),
        "the result is not kept any longer"
    );
}

#[test]
fn lease_of_an_older_generation_is_never_available() {
    let (registry, one) = registry_with_session();
    assert!(registry.try_lease(one, 0, NOW));
    registry.commit(next(one), ("second", RefreshLease::Available), NOW).unwrap();
    assert!(!registry.try_lease(one, 0, NOW), "the browser's generation has a successor");
    assert!(registry.try_lease(next(one), 0, NOW));
    registry.release(one.id, 2, RefreshLease::TokenSpent);
    assert!(!registry.try_lease(next(one), 0, UnixTime(999)), "its token is spent");
}

#[test]
fn delayed_lease_becomes_available_again() {
    let (registry, one) = registry_with_session();
    assert!(registry.try_lease(one, 0, NOW));
    registry.release(one.id, 1, RefreshLease::RetryAt(UnixTime(110)));
    assert!(!registry.try_lease(one, 0, UnixTime(109)));
    assert!(registry.try_lease(one, 0, UnixTime(110)));
    assert_eq!(
        registry.commit(next(next(one)), ("third", RefreshLease::Available), NOW),
        None,
        "generations are not skipped"
    );
}

#[test]
fn ended_session_stays_ended_after_late_commit_or_release() {
    let (registry, one) = registry_with_session();
    assert!(registry.try_lease(one, 0, NOW));
    assert!(registry.end(one, NOW));
    assert_eq!(registry.commit(next(one), ("second", RefreshLease::Available), NOW), None);
    registry.release(one.id, 1, RefreshLease::Available);
    assert!(!registry.try_lease(one, 0, NOW));
    assert_eq!(
        [present(&registry, 1, 100), present(&registry, 2, 100)],
        [Presented::Ended, Presented::Ended]
    );
}

#[test]
fn only_the_lease_holder_can_end_the_session() {
    let (registry, one) = registry_with_session();
    registry.end_after_refresh(one.id, 1);
    assert!(matches!(present(&registry, 1, 100), Presented::Newest { .. }));
    assert!(registry.try_lease(one, 0, NOW));
    registry.commit(next(one), ("second", RefreshLease::Available), NOW).unwrap();
    registry.end_after_refresh(one.id, 1);
    assert!(
        matches!(present(&registry, 1, 100), Presented::Newer { .. }),
        "the loser of a race ends nothing"
    );
    assert!(registry.try_lease(next(one), 0, NOW));
    registry.end_after_refresh(one.id, 2);
    assert_eq!(present(&registry, 2, 100), Presented::Ended);
}

#[test]
fn dropped_cookies_are_detected_but_slow_delivery_is_not() {
    let (registry, one) = registry_with_session();
    let refresh = |of: Listed<'static>, at| {
        assert!(registry.try_lease(of, 0, UnixTime(at)));
        registry.commit(next(of), ("new", RefreshLease::Available), UnixTime(at)).unwrap()
    };
    refresh(one, 100);
    assert_eq!(refresh(next(one), 200), Delivery::NoFailure, "no response could carry it");
    present(&registry, 1, 210);
    assert_eq!(refresh(next(next(one)), 211), Delivery::NoFailure);
    present(&registry, 1, 300);
    present(&registry, 1, 301);
    assert_eq!(refresh(next(next(next(one))), 302), Delivery::Failed);
}

#[test]
fn full_registry_rejects_sign_ins_and_removes_no_session() {
    let registry: Registry<&str> = Registry::new(ROOM);
    registry.begin(listed(1, 1, "alice"), 0, NOW).unwrap();
    registry.begin(listed(2, 1, "alice"), 0, NOW).unwrap();
    assert_eq!(registry.begin(listed(3, 1, "alice"), 0, NOW), Err(Full::User));
    registry.begin(listed(3, 1, "bob"), 0, NOW).unwrap();
    registry.begin(listed(4, 1, "carol"), 0, NOW).unwrap();
    assert_eq!(registry.begin(listed(5, 1, "dave"), 0, NOW), Err(Full::Sessions));
    for id in 6..10 {
        assert!(registry.try_lease(listed(id, 3, "of an earlier process"), 0, NOW), "{id}");
    }
    assert!(!registry.try_lease(listed(10, 3, "of an earlier process"), 0, NOW));
    assert!(!registry.end(listed(10, 3, "of an earlier process"), NOW));
    assert_eq!(registry.len(), 8);
    assert!((1..=4).all(|id| !matches!(
        registry.record_presented(listed(id, 1, ""), presentation(100, false)),
        Presented::Unknown
    )));
}

#[test]
fn expired_sessions_make_room() {
    let registry: Registry<&str> = Registry::new(ROOM);
    let same_shard = |index: u8| Listed {
        id: SessionId([7, index, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, index]),
        ..listed(0, 1, "alice")
    };
    registry.begin(same_shard(1), 0, NOW).unwrap();
    registry.begin(same_shard(2), 0, NOW).unwrap();
    assert_eq!(registry.begin(same_shard(3), 0, UnixTime(999)), Err(Full::User));
    registry.begin(same_shard(3), 0, UnixTime(1030)).unwrap();
    assert_eq!(registry.len(), 1);
    assert_eq!(registry.record_presented(same_shard(1), presentation(1030, false)), Presented::Unknown);
}

#[test]
fn newer_generation_of_another_process_is_accepted() {
    let (registry, one) = registry_with_session();
    assert!(matches!(present(&registry, 3, 100), Presented::Newest { .. }));
    assert!(!registry.try_lease(one, 0, NOW));
    assert!(registry.try_lease(Listed { generation: 3, ..one }, 0, NOW));
}

#[test]
fn only_active_requests_count_as_activity() {
    let (registry, one) = registry_with_session();
    let active_at = |at, active| match registry.record_presented(one, presentation(at, active)) {
        Presented::Newest { latest, .. } => latest.active_at.0,
        _ => 0,
    };
    assert_eq!([active_at(110, false), active_at(120, true), active_at(130, false)], [100, 100, 120]);
}

#[test]
fn request_after_idle_time_does_not_count_as_activity() {
    let (registry, one) = registry_with_session();
    let active_at = |at| {
        let idle = Some(Duration::from_secs(50));
        match registry.record_presented(one, Presentation { idle, ..presentation(at, true) }) {
            Presented::Newest { latest, .. } => latest.active_at.0,
            _ => 0,
        }
    };
    assert_eq!([active_at(149), active_at(199), active_at(200), active_at(201)], [100, 149, 149, 149]);
}

#[test]
fn adopted_session_keeps_its_lease_and_activity() {
    let registry: Registry<&str> = Registry::new(ROOM);
    let one = Listed { active_at: UnixTime(60), ..listed(1, 1, "alice") };
    registry.adopt(one, Presentation { unknown_lease: RefreshLease::TokenSpent, ..presentation(100, false) });
    let seen = Presented::Newest { lease: RefreshLease::TokenSpent, latest: times(60) };
    assert_eq!(registry.record_presented(one, presentation(101, true)), seen);
    registry.adopt(one, presentation(102, false));
    assert!(!registry.try_lease(one, 0, NOW), "the first adopted lease is kept");
    let newer = Listed { generation: 2, active_at: UnixTime(120), ..one };
    assert_eq!(
        registry.record_presented(newer, presentation(121, false)),
        Presented::Newest { lease: RefreshLease::Available, latest: times(120) }
    );
}

#[test]
fn ended_session_is_recorded_until_all_its_cookies_expire() {
    let registry: Registry<&str> = Registry::new(ROOM);
    let old = Listed { ends_at: UnixTime(200), ..listed(1, 1, "alice") };
    let newer = Listed { generation: 2, ends_at: UnixTime(2000), ..old };
    let sweep = |id, at| registry.try_lease(Listed { id: SessionId([id; 16]), ..newer }, 0, UnixTime(at));
    assert!(registry.end(old, NOW));
    assert_eq!(registry.record_presented(newer, presentation(100, false)), Presented::Ended);
    sweep(65, 1999);
    assert_eq!(registry.record_presented(newer, presentation(1999, false)), Presented::Ended);
    assert!(registry.end(Listed { ends_at: UnixTime(3000), ..newer }, NOW));
    sweep(129, 2999);
    assert_eq!(registry.record_presented(newer, presentation(2999, false)), Presented::Ended);
    sweep(193, 3040);
    assert_eq!(registry.record_presented(newer, presentation(3040, false)), Presented::Unknown);
}

#[test]
fn signed_out_user_can_sign_in_again_within_a_limit_per_user() {
    let registry: Registry<&str> = Registry::new(Room { sessions: 100, per_user: 2 });
    for id in 0..20 {
        let one = listed(id, 1, "alice");
        assert_eq!(registry.begin(one, 0, NOW), Ok(()), "{id}");
        assert!(registry.end(one, NOW) && registry.end(one, NOW), "ending a session twice counts once");
    }
    assert_eq!(registry.begin(listed(20, 1, "alice"), 0, NOW), Err(Full::User));
    registry.begin(Listed { ends_at: UnixTime(200), ..listed(21, 1, "bob") }, 0, NOW).unwrap();
    registry.begin(listed(22, 1, "bob"), 0, NOW).unwrap();
    assert_eq!(registry.begin(listed(23, 1, "bob"), 0, NOW), Err(Full::User));
    assert!(registry.try_lease(listed(22, 1, "bob"), 0, NOW));
    registry.end_after_refresh(SessionId([22; 16]), 1);
    registry.begin(listed(23, 1, "bob"), 0, NOW).unwrap();
    assert!(registry.end(listed(22, 1, "bob"), NOW), "a session that has ended counts once");
    assert_eq!(registry.begin(listed(24, 1, "bob"), 0, NOW), Err(Full::User));
    registry.begin(listed(85, 1, "bob"), 0, UnixTime(200)).unwrap();
    assert_eq!(
        registry.begin(listed(86, 1, "bob"), 0, UnixTime(200)),
        Err(Full::User),
        "one had expired by itself"
    );
}

#[test]
fn clock_that_was_set_back_does_not_stop_the_sweep() {
    let registry: Registry<&str> = Registry::new(ROOM);
    assert!(registry.try_lease(
        Listed { ends_at: UnixTime(99_999), ..listed(1, 1, "alice") },
        0,
        UnixTime(90_000)
    ));
    registry.begin(Listed { ends_at: UnixTime(150), ..listed(65, 1, "bob") }, 0, NOW).unwrap();
    registry.begin(listed(129, 1, "bob"), 0, UnixTime(150)).unwrap();
    assert_eq!(registry.len(), 2);
}

#[test]
fn standing_is_that_of_the_newest_cookie_until_the_session_ends() {
    let (registry, one) = registry_with_session();
    let standing = || registry.standing(one.id);
    assert_eq!(standing(), Some(Standing::Until(UnixTime(1000), None)));
    assert!(registry.try_lease(one, 0, NOW));
    let verdicts = Some(PolicyVerdicts { generation: 7, met: 1 });
    let later = Listed { ends_at: UnixTime(2000), policies: verdicts, ..next(one) };
    registry.commit(later, ("second", RefreshLease::Available), NOW).unwrap();
    assert_eq!(standing(), Some(Standing::Until(UnixTime(2000), verdicts)), "the refresh extended it");
    present(&registry, 1, 101);
    assert_eq!(standing(), Some(Standing::Until(UnixTime(2000), verdicts)), "an old cookie shortens nothing");
    assert!(registry.try_lease(next(one), 0, NOW));
    registry.commit(next(next(one)), ("third", RefreshLease::Available), NOW).unwrap();
    assert_eq!(standing(), Some(Standing::Until(UnixTime(2000), verdicts)), "a refresh without an ID token");
    present(&registry, 4, 102);
    assert_eq!(standing(), Some(Standing::Until(UnixTime(2000), None)), "another process refreshed it");
    registry.end(one, NOW);
    assert_eq!(standing(), Some(Standing::Ended));
    assert_eq!(registry.standing(SessionId([9; 16])), None);
}
