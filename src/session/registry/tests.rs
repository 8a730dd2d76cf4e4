use std::time::Duration;

use super::*;

const ROOM: Room = Room { sessions: 4, per_user: 2 };
const NOW: UnixTime = UnixTime(100);

fn listed(id: u8, generation: u64, subject: &str) -> Listed<'_> {
    Listed { id: SessionId([id; 16]), generation, subject, ends_at: UnixTime(1000), active_at: NOW }
}

fn times(active_at: u64) -> Latest {
    Latest { active_at: UnixTime(active_at), answered: 0 }
}

fn look(at: u64, active: bool) -> Presentation {
    Presentation { now: UnixTime(at), active, idle: None, unknown_lease: RefreshLease::Available }
}

fn begun() -> (Registry<&'static str>, Listed<'static>) {
    let (table, one) = (Registry::new(ROOM), listed(1, 1, "alice"));
    table.begin(one, 0, NOW).unwrap();
    (table, one)
}

fn see(table: &Registry<&'static str>, generation: u64, at: u64) -> Presented<&'static str> {
    table.record_presented(listed(1, generation, "alice"), look(at, false))
}

fn next(of: Listed<'_>) -> Listed<'_> {
    Listed { generation: of.generation + 1, ..of }
}

#[test]
fn one_exchange_at_a_time_and_its_result_is_held_until_the_browser_shows_it() {
    let (table, one) = begun();
    assert!(table.try_lease(one, 0, NOW) && !table.try_lease(one, 0, NOW));
    assert!(matches!(see(&table, 1, 100), Presented::Newest { lease: RefreshLease::Held, .. }));
    assert_eq!(table.commit(next(one), ("second", RefreshLease::Available), NOW), Some(Delivery::Fine));
    for _ in 0..2 {
        assert!(matches!(
            see(&table, 1, 101),
            Presented::Newer { held: "second", lease: RefreshLease::Available, .. }
        ));
    }
    assert!(matches!(see(&table, 2, 102), Presented::Newest { lease: RefreshLease::Available, .. }));
    assert!(matches!(see(&table, 1, 103), Presented::Older { .. }), "nothing of it is kept any more");
}

#[test]
fn an_old_refresh_token_is_never_sent() {
    let (table, one) = begun();
    assert!(table.try_lease(one, 0, NOW));
    table.commit(next(one), ("second", RefreshLease::Available), NOW).unwrap();
    assert!(!table.try_lease(one, 0, NOW), "the browser's own generation is over");
    assert!(table.try_lease(next(one), 0, NOW));
    table.release(one.id, 2, RefreshLease::TokenSpent);
    assert!(!table.try_lease(next(one), 0, UnixTime(999)), "its outcome is not known");
}

#[test]
fn a_turn_that_was_put_off_comes_again() {
    let (table, one) = begun();
    assert!(table.try_lease(one, 0, NOW));
    table.release(one.id, 1, RefreshLease::RetryAt(UnixTime(110)));
    assert!(!table.try_lease(one, 0, UnixTime(109)));
    assert!(table.try_lease(one, 0, UnixTime(110)));
    assert_eq!(
        table.commit(next(next(one)), ("third", RefreshLease::Available), NOW),
        None,
        "generations are not skipped"
    );
}

#[test]
fn an_ended_session_stays_ended_whatever_comes_late() {
    let (table, one) = begun();
    assert!(table.try_lease(one, 0, NOW));
    assert!(table.end(one, NOW));
    assert_eq!(table.commit(next(one), ("second", RefreshLease::Available), NOW), None);
    table.release(one.id, 1, RefreshLease::Available);
    assert!(!table.try_lease(one, 0, NOW));
    assert_eq!([see(&table, 1, 100), see(&table, 2, 100)], [Presented::Ended, Presented::Ended]);
}

#[test]
fn only_who_has_the_turn_can_give_the_session_up() {
    let (table, one) = begun();
    table.end_after_refresh(one.id, 1);
    assert!(matches!(see(&table, 1, 100), Presented::Newest { .. }));
    assert!(table.try_lease(one, 0, NOW));
    table.commit(next(one), ("second", RefreshLease::Available), NOW).unwrap();
    table.end_after_refresh(one.id, 1);
    assert!(matches!(see(&table, 1, 100), Presented::Newer { .. }), "the loser of a race ends nothing");
    assert!(table.try_lease(next(one), 0, NOW));
    table.end_after_refresh(one.id, 2);
    assert_eq!(see(&table, 2, 100), Presented::Ended);
}

#[test]
fn a_proxy_that_drops_cookies_is_noticed_and_one_that_is_slow_is_not() {
    let (table, one) = begun();
    let renew = |of: Listed<'static>, at| {
        assert!(table.try_lease(of, 0, UnixTime(at)));
        table.commit(next(of), ("new", RefreshLease::Available), UnixTime(at)).unwrap()
    };
    renew(one, 100);
    assert_eq!(renew(next(one), 200), Delivery::Fine, "nobody came who could have been offered it");
    see(&table, 1, 210);
    assert_eq!(renew(next(next(one)), 211), Delivery::Fine);
    see(&table, 1, 300);
    see(&table, 1, 301);
    assert_eq!(renew(next(next(next(one))), 302), Delivery::InVain);
}

#[test]
fn full_means_no_new_sign_in_and_nobody_else_is_forgotten() {
    let table: Registry<&str> = Registry::new(ROOM);
    table.begin(listed(1, 1, "alice"), 0, NOW).unwrap();
    table.begin(listed(2, 1, "alice"), 0, NOW).unwrap();
    assert_eq!(table.begin(listed(3, 1, "alice"), 0, NOW), Err(Full::User));
    table.begin(listed(3, 1, "bob"), 0, NOW).unwrap();
    table.begin(listed(4, 1, "carol"), 0, NOW).unwrap();
    assert_eq!(table.begin(listed(5, 1, "dave"), 0, NOW), Err(Full::Sessions));
    for id in 6..10 {
        assert!(table.try_lease(listed(id, 3, "of an earlier process"), 0, NOW), "{id}");
    }
    assert!(!table.try_lease(listed(10, 3, "of an earlier process"), 0, NOW));
    assert!(!table.end(listed(10, 3, "of an earlier process"), NOW));
    assert_eq!(table.len(), 8);
    assert!((1..=4).all(|id| !matches!(
        table.record_presented(listed(id, 1, ""), look(100, false)),
        Presented::Unknown
    )));
}

#[test]
fn what_is_over_makes_room() {
    let table: Registry<&str> = Registry::new(ROOM);
    let same_shard = |index: u8| Listed {
        id: SessionId([7, index, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, index]),
        ..listed(0, 1, "alice")
    };
    table.begin(same_shard(1), 0, NOW).unwrap();
    table.begin(same_shard(2), 0, NOW).unwrap();
    assert_eq!(table.begin(same_shard(3), 0, UnixTime(999)), Err(Full::User));
    table.begin(same_shard(3), 0, UnixTime(1030)).unwrap();
    assert_eq!(table.len(), 1);
    assert_eq!(table.record_presented(same_shard(1), look(1030, false)), Presented::Unknown);
}

#[test]
fn a_generation_of_another_process_is_believed() {
    let (table, one) = begun();
    assert!(matches!(see(&table, 3, 100), Presented::Newest { .. }));
    assert!(!table.try_lease(one, 0, NOW));
    assert!(table.try_lease(Listed { generation: 3, ..one }, 0, NOW));
}

#[test]
fn only_what_shows_the_person_counts_as_activity() {
    let (table, one) = begun();
    let active_at = |at, active| match table.record_presented(one, look(at, active)) {
        Presented::Newest { latest, .. } => latest.active_at.0,
        _ => 0,
    };
    assert_eq!([active_at(110, false), active_at(120, true), active_at(130, false)], [100, 100, 120]);
}

#[test]
fn who_comes_after_the_idle_time_is_not_there_again() {
    let (table, one) = begun();
    let active_at = |at| {
        let idle = Some(Duration::from_secs(50));
        match table.record_presented(one, Presentation { idle, ..look(at, true) }) {
            Presented::Newest { latest, .. } => latest.active_at.0,
            _ => 0,
        }
    };
    assert_eq!([active_at(149), active_at(199), active_at(200), active_at(201)], [100, 149, 149, 149]);
}

#[test]
fn what_is_known_of_a_session_of_an_earlier_process_is_kept() {
    let table: Registry<&str> = Registry::new(ROOM);
    let one = Listed { active_at: UnixTime(60), ..listed(1, 1, "alice") };
    table.adopt(one, Presentation { unknown_lease: RefreshLease::TokenSpent, ..look(100, false) });
    let seen = Presented::Newest { lease: RefreshLease::TokenSpent, latest: times(60) };
    assert_eq!(table.record_presented(one, look(101, true)), seen);
    table.adopt(one, look(102, false));
    assert!(!table.try_lease(one, 0, NOW), "what another request knew of it is believed");
    let newer = Listed { generation: 2, active_at: UnixTime(120), ..one };
    assert_eq!(
        table.record_presented(newer, look(121, false)),
        Presented::Newest { lease: RefreshLease::Available, latest: times(120) }
    );
}

#[test]
fn an_ended_session_is_remembered_as_long_as_any_of_its_cookies_could_be_believed() {
    let table: Registry<&str> = Registry::new(ROOM);
    let old = Listed { ends_at: UnixTime(200), ..listed(1, 1, "alice") };
    let newer = Listed { generation: 2, ends_at: UnixTime(2000), ..old };
    let sweep = |id, at| table.try_lease(Listed { id: SessionId([id; 16]), ..newer }, 0, UnixTime(at));
    assert!(table.end(old, NOW));
    assert_eq!(table.record_presented(newer, look(100, false)), Presented::Ended);
    sweep(65, 1999);
    assert_eq!(table.record_presented(newer, look(1999, false)), Presented::Ended);
    assert!(table.end(Listed { ends_at: UnixTime(3000), ..newer }, NOW));
    sweep(129, 2999);
    assert_eq!(table.record_presented(newer, look(2999, false)), Presented::Ended);
    sweep(193, 3040);
    assert_eq!(table.record_presented(newer, look(3040, false)), Presented::Unknown);
}

#[test]
fn whoever_signs_out_can_sign_in_again_and_nobody_fills_the_table_alone() {
    let table: Registry<&str> = Registry::new(Room { sessions: 100, per_user: 2 });
    for id in 0..20 {
        let one = listed(id, 1, "alice");
        assert_eq!(table.begin(one, 0, NOW), Ok(()), "{id}");
        assert!(table.end(one, NOW) && table.end(one, NOW), "ending it twice counts once");
    }
    assert_eq!(table.begin(listed(20, 1, "alice"), 0, NOW), Err(Full::User));
    table.begin(Listed { ends_at: UnixTime(200), ..listed(21, 1, "bob") }, 0, NOW).unwrap();
    table.begin(listed(22, 1, "bob"), 0, NOW).unwrap();
    assert_eq!(table.begin(listed(23, 1, "bob"), 0, NOW), Err(Full::User));
    assert!(table.try_lease(listed(22, 1, "bob"), 0, NOW));
    table.end_after_refresh(SessionId([22; 16]), 1);
    table.begin(listed(23, 1, "bob"), 0, NOW).unwrap();
    assert!(table.end(listed(22, 1, "bob"), NOW), "what ended once counts once");
    assert_eq!(table.begin(listed(24, 1, "bob"), 0, NOW), Err(Full::User));
    table.begin(listed(85, 1, "bob"), 0, UnixTime(200)).unwrap();
    assert_eq!(
        table.begin(listed(86, 1, "bob"), 0, UnixTime(200)),
        Err(Full::User),
        "one was over by itself"
    );
}

#[test]
fn a_clock_that_was_set_back_does_not_stop_the_sweeping() {
    let table: Registry<&str> = Registry::new(ROOM);
    assert!(table.try_lease(
        Listed { ends_at: UnixTime(99_999), ..listed(1, 1, "alice") },
        0,
        UnixTime(90_000)
    ));
    table.begin(Listed { ends_at: UnixTime(150), ..listed(65, 1, "bob") }, 0, NOW).unwrap();
    table.begin(listed(129, 1, "bob"), 0, UnixTime(150)).unwrap();
    assert_eq!(table.len(), 2);
}
