//! The bounds of a store

use super::super::{Bounds, Inserted, Records, Row, Tag};
use super::{
    ALICE, BOB, BOUNDS, Fixture, NOW, SID, TestClock, assert_count, ended, id, insert_all, later, row, tag,
};

pub(in super::super) async fn user_bound_counts_open_sessions<F: Fixture>() {
    let fixture = F::start(Bounds { per_user: 2, ..BOUNDS }, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1), Row { ends_at: later(10).0, ..row(2) }]).await;
    assert_eq!(store.insert(&row(3), later(9)).await, Ok(Inserted::UserFull));
    // A session that names the user's tag as its `sid` is not the user's.
    let other = Row { subject: BOB, sid: Some(ALICE), ..row(4) };
    assert_eq!(store.insert(&other, NOW).await, Ok(Inserted::Stored));
    assert_eq!(store.insert(&row(3), later(10)).await, Ok(Inserted::Stored));
    assert_eq!(store.insert(&row(5), later(10)).await, Ok(Inserted::UserFull));
    store.remove(id(3)).await.unwrap();
    assert_eq!(store.insert(&row(5), later(10)).await, Ok(Inserted::Stored));
}

pub(in super::super) async fn total_bound_counts_open_sessions<F: Fixture>() {
    let fixture = F::start(Bounds { sessions: 2, ..BOUNDS }, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1), Row { subject: BOB, ends_at: later(10).0, ..row(2) }]).await;
    assert_eq!(store.insert(&Row { sid: Some(SID), ..row(3) }, later(9)).await, Ok(Inserted::Full));
    assert_eq!(store.end_by(&ended(&[SID], NOW)).await, Ok(vec![]), "a refused row leaves nothing");
    assert_eq!(store.insert(&row(3), later(10)).await, Ok(Inserted::Stored));
    assert_eq!(store.insert(&row(4), later(10)).await, Ok(Inserted::Full));
    store.remove(id(1)).await.unwrap();
    assert_eq!(store.insert(&row(4), later(10)).await, Ok(Inserted::Stored));
}

/// With more of them than one insert removes, and with those of another user first.
pub(in super::super) async fn many_expired_rows_and_marks_count_no_more<F: Fixture>() {
    let clock = TestClock::new();
    let fixture = F::start(Bounds { sessions: 40, per_user: 20 }, clock.clone()).await;
    let store = fixture.store();
    for number in 0..20 {
        let bob = Row { subject: BOB, ends_at: later(50).0, ..row(number) };
        insert_all(store, &[bob, row(20 + number)]).await;
        store.end_by(&ended(&[Tag([number; 16])], NOW)).await.unwrap();
    }
    let next = |number| Row { ends_at: later(900).0, ..row(number) };
    assert_eq!(store.insert(&next(40), NOW).await, Ok(Inserted::UserFull));
    clock.set(later(100));
    for number in 40..60 {
        assert_eq!(store.insert(&next(number), later(100)).await, Ok(Inserted::Stored), "{number}");
    }
    assert_eq!(store.insert(&next(60), later(100)).await, Ok(Inserted::UserFull));
    for number in 60..80 {
        let other = Row { subject: tag(number - 60), ..next(number) };
        assert_eq!(store.insert(&other, later(100)).await, Ok(Inserted::Stored), "{number}");
    }
    assert_count::<F>(store, 40).await;
}
