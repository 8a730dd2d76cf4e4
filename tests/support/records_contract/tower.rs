//! A store of records as a store of tower-sessions

use tower_sessions_core::session_store::Error;
use tower_sessions_core::{SessionStore, session::Record};

use super::super::{Records, Row};
use super::{BOB, BOUNDS, Fixture, TestClock, id, insert_all, later, row};

fn record(row: &Row) -> Record {
    row.to_record().unwrap()
}

pub(in super::super) async fn tower_create_keeps_the_id<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let mut first = record(&row(1));
    store.create(&mut first).await.unwrap();
    assert_eq!(store.find(id(1)).await, Ok(Some(row(1))));
    let mut second = record(&Row { subject: BOB, ..row(1) });
    assert!(matches!(store.create(&mut second).await, Err(Error::Backend(_))));
    assert_eq!(second.id, id(1).to_tower());
    assert_eq!(store.load(&first.id).await.unwrap(), Some(first));
    let mut foreign = record(&row(2));
    foreign.data.clear();
    assert!(matches!(store.create(&mut foreign).await, Err(Error::Decode(_))));
}

pub(in super::super) async fn tower_load_and_delete_see_open_sessions<F: Fixture>() {
    let clock = TestClock::new();
    let fixture = F::start(BOUNDS, clock.clone()).await;
    let store = fixture.store();
    insert_all(store, &[row(1), Row { ends_at: later(200).0, ..row(2) }]).await;
    assert_eq!(store.load(&id(3).to_tower()).await.unwrap(), None);
    clock.set(later(100));
    assert_eq!(store.load(&id(1).to_tower()).await.unwrap(), None);
    assert!(store.load(&id(2).to_tower()).await.unwrap().is_some());
    for _ in 0..2 {
        store.delete(&id(2).to_tower()).await.unwrap();
        assert_eq!(store.load(&id(2).to_tower()).await.unwrap(), None);
    }
}

pub(in super::super) async fn tower_save_of_a_stale_row_fails<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let next = Row { revision: 2, ..row(1) };
    assert!(matches!(store.save(&record(&next)).await, Err(Error::Backend(_))), "a missing row");
    insert_all(store, &[row(1)]).await;
    let stale = Row { active_at: later(1).0, ..row(1) };
    assert!(matches!(store.save(&record(&stale)).await, Err(Error::Backend(_))));
    store.save(&record(&next)).await.unwrap();
    let other = Row { active_at: next.active_at + 1, ..next.clone() };
    assert!(matches!(store.save(&record(&other)).await, Err(Error::Backend(_))));
    assert_eq!(store.find(id(1)).await, Ok(Some(next)));
}
