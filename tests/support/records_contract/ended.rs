//! Sessions that the provider ended

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{EndedBy, Inserted, Records, Row, Scope, Swapped, Tag};
use super::{
    ALICE, BOB, BOUNDS, Fixture, NOW, SID, TestClock, assert_count, ended, id, ids_of, insert_all, later,
    row, swap,
};

pub(in super::super) async fn end_by_ends_the_sessions_that_are_not_newer<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let newer = Row { issued_at: later(11).0, ..row(3) };
    let other = Row { subject: BOB, ..row(5) };
    insert_all(
        store,
        &[
            row(1),
            Row { issued_at: later(10).0, sid: Some(SID), ..row(2) },
            newer.clone(),
            Row { subject: BOB, sid: Some(SID), ..row(4) },
            other.clone(),
        ],
    )
    .await;
    let found = store.end_by(&ended(&[ALICE, SID, Tag([0; 16])], later(10))).await.unwrap();
    assert_eq!(found.len(), 3, "each once");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([id(1), id(2), id(4)]));
    for gone in [1, 2, 4] {
        assert_eq!(store.find(id(gone)).await, Ok(None), "{gone}");
        let late = Row { revision: 2, ..row(gone) };
        assert_eq!(swap(store, &late).await, Ok(Swapped::Gone), "{gone}");
    }
    assert_eq!(store.find(id(3)).await, Ok(Some(newer)));
    assert_eq!(ids_of(store, &[BOB], NOW).await, [id(5)]);
    assert_eq!(store.end_by(&ended(&[SID], later(10))).await, Ok(vec![]));
    assert_count::<F>(store, 2).await;
}

/// The provider's clock is 50 seconds ahead.
pub(in super::super) async fn end_by_compares_times_of_one_clock<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let began = |number, began_at| Row {
        began_at: later(began_at).0,
        issued_at: later(began_at + 50).0,
        ..row(number)
    };
    let token = |arrived_at| EndedBy { arrived_at, ..ended(&[ALICE], later(55)) };
    insert_all(store, &[began(1, 10), began(2, 11)]).await;
    assert_eq!(store.end_by(&token(None)).await, Ok(vec![]), "both ID tokens are newer");
    assert_eq!(
        store.end_by(&token(Some(later(10)))).await,
        Ok(vec![id(1)]),
        "began before the token arrived"
    );
    assert_eq!(store.insert(&began(3, 5), NOW).await, Ok(Inserted::Ended), "its ID token is not newer");
    assert_eq!(store.insert(&began(3, 6), NOW).await, Ok(Inserted::Stored));
}

pub(in super::super) async fn ended_tag_refuses_inserts_until_its_time<F: Fixture>() {
    let clock = TestClock::new();
    let fixture = F::start(BOUNDS, Arc::clone(&clock)).await;
    let store = fixture.store();
    assert_eq!(store.end_by(&ended(&[SID, BOB], later(10))).await, Ok(vec![]));
    let by_sid = |issued_at| Row { sid: Some(SID), issued_at: later(issued_at).0, ..row(1) };
    let by_user = Row { subject: BOB, issued_at: later(10).0, ..row(2) };
    for refused in [&by_sid(0), &by_sid(10), &by_user] {
        assert_eq!(store.insert(refused, later(49)).await, Ok(Inserted::Ended));
    }
    assert_eq!(store.insert(&row(3), NOW).await, Ok(Inserted::Stored));
    assert_eq!(store.insert(&by_sid(11), NOW).await, Ok(Inserted::Stored));
    clock.set(later(50));
    assert_eq!(store.insert(&by_user, later(50)).await, Ok(Inserted::Stored));
}

pub(in super::super) async fn older_logout_token_does_not_weaken_a_mark<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    store.end_by(&ended(&[SID], later(10))).await.unwrap();
    let older = EndedBy { refused_until: later(40), ..ended(&[SID], later(5)) };
    store.end_by(&older).await.unwrap();
    let refused = Row { sid: Some(SID), issued_at: later(10).0, ..row(1) };
    assert_eq!(store.insert(&refused, later(45)).await, Ok(Inserted::Ended));
}

pub(in super::super) async fn end_by_can_spare_the_sessions_with_a_sid<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let newer = Row { issued_at: later(11).0, ..row(3) };
    insert_all(store, &[row(1), Row { sid: Some(SID), ..row(2) }, newer]).await;
    let without_sid = EndedBy { scope: Scope::WithoutSid, ..ended(&[ALICE], later(10)) };
    assert_eq!(store.end_by(&without_sid).await, Ok(vec![id(1)]));
    assert_eq!(ids_of(store, &[ALICE], NOW).await, [id(2), id(3)]);
    assert_eq!(store.insert(&row(4), NOW).await, Ok(Inserted::Stored), "no sign-in is refused");
}
