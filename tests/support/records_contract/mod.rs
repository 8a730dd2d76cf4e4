//! The rules of [`Records`], which every store must fulfil
//!
//! A store has a [`Fixture`] and calls [`contract!`], which makes one test of each rule. The tests of the library include
//! this file for the stores that need no server, and `tests/real` for Redis.
//!
//! A row whose time has come, and a mark whose time has come, count no more. A store may keep them or delete them.

mod ended;
mod limits;
mod tower;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;

pub(super) use self::ended::*;
pub(super) use self::limits::*;
pub(super) use self::tower::*;
use super::{
    Bounds, Clock, EndedBy, Inserted, Kept, LeaseState, RecordId, Records, RecordsError, Row, Scope, Swapped,
    Tag, UnixTime,
};

/// A store and what it needs.
pub(super) trait Fixture {
    type Store: Records;
    /// Whether the store counts its rows.
    const COUNTS: bool = true;
    async fn start(bounds: Bounds, clock: Arc<TestClock>) -> Self;
    fn store(&self) -> &Self::Store;
}

/// A clock that only the test sets.
#[derive(Debug)]
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW.0)))
    }

    pub(super) fn set(&self, now: UnixTime) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// Makes one test of each rule. A store is `unbounded` if only its server bounds the number of all sessions.
macro_rules! contract {
    ($fixture:ty) => {
        contract::contract!(unbounded $fixture);
        contract::contract!($fixture: total_bound_counts_open_sessions);
    };
    (unbounded $fixture:ty) => {
        contract::contract!(
            $fixture: inserted_row_is_found, second_insert_of_an_id_is_a_collision,
            swap_needs_the_previous_revision, swap_moves_the_end_of_a_row, swap_of_a_removed_row_is_gone,
            one_of_concurrent_swaps_is_stored, one_of_concurrent_inserts_is_stored, second_removal_finds_nothing,
            end_by_ends_the_sessions_that_are_not_newer, end_by_compares_times_of_one_clock,
            end_by_can_spare_the_sessions_with_a_sid, ended_tag_refuses_inserts_until_its_time,
            older_logout_token_does_not_weaken_a_mark, user_has_the_rows_of_all_tags, user_bound_counts_open_sessions,
            many_expired_rows_and_marks_count_no_more, tower_create_keeps_the_id,
            tower_load_and_delete_see_open_sessions, tower_save_of_a_stale_row_fails
        );
    };
    ($fixture:ty: $($rule:ident),*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                contract::$rule::<$fixture>().await;
            }
        )*
    };
}
pub(super) use contract;

pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);
pub(super) const BOUNDS: Bounds = Bounds { sessions: 1_000, per_user: 1_000 };
/// The slot of all users and ids.
const SLOT: [u8; 2] = [0xa1; 2];
const ALICE: Tag = Tag([0xa1; 16]);
const BOB: Tag = tag(0xb0);
pub(super) const SID: Tag = Tag([0x51; 16]);

fn later(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

const fn tag(number: u8) -> Tag {
    Tag(name(number))
}

fn id(number: u8) -> RecordId {
    RecordId(name(number))
}

const fn name(number: u8) -> [u8; 16] {
    let mut name = [number; 16];
    [name[0], name[1]] = SLOT;
    name
}

/// Returns a session of Alice that ends in 100 seconds.
pub(crate) fn row(number: u8) -> Row {
    Row {
        id: id(number),
        revision: 1,
        generation: 1,
        lease: LeaseState::Available,
        subject: ALICE,
        sid: None,
        began_at: NOW.0,
        issued_at: NOW.0,
        active_at: NOW.0,
        ends_at: later(100).0,
        sealed: vec![number; 100].into(),
        summary: vec![number; 10].into(),
    }
}

pub(crate) fn ended(tags: &[Tag], issued_at: UnixTime) -> EndedBy {
    EndedBy {
        tags: tags.to_vec(),
        scope: Scope::Every,
        arrived_at: None,
        issued_at,
        refused_until: later(50),
    }
}

async fn insert_all(store: &impl Records, rows: &[Row]) {
    for row in rows {
        assert_eq!(store.insert(row, NOW).await, Ok(Inserted::Stored), "{:?}", row.id);
    }
}

/// Asserts the number of rows, which a store that does not count says it does not know.
async fn assert_count<F: Fixture>(store: &F::Store, rows: usize) {
    assert_eq!(store.count().await, Ok(F::COUNTS.then_some(rows)));
}

async fn ids_of(store: &impl Records, subject: &[Tag], now: UnixTime) -> Vec<RecordId> {
    let mut ids: Vec<_> = store.of_user(subject, now).await.unwrap().iter().map(|row| row.id).collect();
    ids.sort();
    ids
}

pub(super) async fn inserted_row_is_found<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    assert_eq!(store.find(id(1)).await, Ok(None));
    insert_all(store, &[row(1), row(2)]).await;
    assert_eq!(store.find(id(1)).await, Ok(Some(row(1))));
    assert_eq!(store.find(id(1)).await, Ok(Some(row(1))));
    assert_count::<F>(store, 2).await;
}

pub(super) async fn second_insert_of_an_id_is_a_collision<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1)]).await;
    let other = Row { subject: BOB, revision: 2, ..row(1) };
    assert_eq!(store.insert(&other, NOW).await, Ok(Inserted::Collision));
    assert_eq!(store.find(id(1)).await, Ok(Some(row(1))));
    assert_eq!(ids_of(store, &[BOB], NOW).await, []);
    assert_count::<F>(store, 1).await;
}

/// Replaces the row with the revision before.
pub(crate) async fn swap(store: &impl Records, row: &Row) -> Result<Swapped, RecordsError> {
    store.compare_and_swap(row.revision.saturating_sub(1), row, Kept::Replicated).await
}

pub(super) async fn swap_needs_the_previous_revision<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1)]).await;
    let revision = |revision| Row { revision, active_at: revision, sealed: vec![1].into(), ..row(1) };
    for stale in [0, 1, 3] {
        assert_eq!(swap(store, &revision(stale)).await, Ok(Swapped::Changed), "{stale}");
        assert_eq!(store.find(id(1)).await, Ok(Some(row(1))), "{stale}");
    }
    // A store may write a change of `active_at` in another way.
    let active = Row { revision: 2, active_at: later(1).0, ..row(1) };
    assert_eq!(swap(store, &active).await, Ok(Swapped::Stored));
    assert_eq!(store.find(id(1)).await, Ok(Some(active)));
    assert_eq!(swap(store, &revision(2)).await, Ok(Swapped::Changed));
    assert_eq!(swap(store, &revision(3)).await, Ok(Swapped::Stored));
    assert_eq!(store.find(id(1)).await, Ok(Some(revision(3))));
    // A revision is no count.
    for (replaced, expected) in [(899, Swapped::Changed), (4, Swapped::Changed), (3, Swapped::Stored)] {
        let swapped = store.compare_and_swap(replaced, &revision(900), Kept::Once).await;
        assert_eq!(swapped, Ok(expected), "{replaced}");
    }
}

pub(super) async fn swap_moves_the_end_of_a_row<F: Fixture>() {
    let clock = TestClock::new();
    let fixture = F::start(Bounds { per_user: 2, ..BOUNDS }, clock.clone()).await;
    let store = fixture.store();
    insert_all(store, &[Row { sid: Some(SID), ..row(1) }]).await;
    let moved = Row { revision: 2, sid: Some(SID), ends_at: later(200).0, ..row(1) };
    assert_eq!(swap(store, &moved).await, Ok(Swapped::Stored));
    assert_eq!(ids_of(store, &[ALICE], later(199)).await, [id(1)]);
    clock.set(later(150));
    // This insert removes what has expired, and the row has not.
    let next = |number| Row { ends_at: later(300).0, ..row(number) };
    assert_eq!(store.insert(&next(2), later(150)).await, Ok(Inserted::Stored));
    assert_eq!(store.insert(&next(3), later(150)).await, Ok(Inserted::UserFull));
    assert_eq!(store.find(id(1)).await, Ok(Some(moved)));
    assert_eq!(store.end_by(&ended(&[SID], NOW)).await, Ok(vec![id(1)]));
}

pub(super) async fn swap_of_a_removed_row_is_gone<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let next = Row { revision: 2, ..row(1) };
    assert_eq!(swap(store, &next).await, Ok(Swapped::Gone));
    insert_all(store, &[row(1)]).await;
    assert_eq!(store.remove(id(1)).await, Ok(true));
    assert_eq!(swap(store, &next).await, Ok(Swapped::Gone));
    assert_eq!(store.find(id(1)).await, Ok(None));
}

pub(super) async fn one_of_concurrent_swaps_is_stored<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1)]).await;
    let rivals: Vec<_> = (0..8).map(|rival| Row { revision: 2, generation: 2 + rival, ..row(1) }).collect();
    let results = join_all(rivals.iter().map(|rival| swap(store, rival))).await;
    let stored: Vec<_> =
        rivals.iter().zip(&results).filter(|(_, result)| **result == Ok(Swapped::Stored)).collect();
    assert_eq!(results.iter().filter(|result| **result == Ok(Swapped::Changed)).count(), 7, "{results:?}");
    assert_eq!(store.find(id(1)).await, Ok(Some(stored[0].0.clone())));
}

pub(super) async fn one_of_concurrent_inserts_is_stored<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    let rivals: Vec<_> = (0..8).map(|rival| Row { generation: rival, ..row(1) }).collect();
    let results = join_all(rivals.iter().map(|rival| store.insert(rival, NOW))).await;
    assert_eq!(results.iter().filter(|result| **result == Ok(Inserted::Stored)).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| **result == Ok(Inserted::Collision)).count(), 7, "{results:?}");
}

pub(super) async fn second_removal_finds_nothing<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1), Row { sid: Some(SID), ..row(2) }]).await;
    assert_eq!(store.remove(id(2)).await, Ok(true));
    assert_eq!(store.remove(id(2)).await, Ok(false));
    assert_count::<F>(store, 1).await;
    assert_eq!(ids_of(store, &[ALICE], NOW).await, [id(1)]);
    assert_eq!(store.end_by(&ended(&[SID], NOW)).await, Ok(vec![]));
}

pub(super) async fn user_has_the_rows_of_all_tags<F: Fixture>() {
    let fixture = F::start(BOUNDS, TestClock::new()).await;
    let store = fixture.store();
    insert_all(store, &[row(1), Row { ends_at: later(10).0, ..row(2) }, Row { subject: BOB, ..row(3) }])
        .await;
    assert_eq!(store.of_user(&[BOB], NOW).await, Ok(vec![Row { subject: BOB, ..row(3) }]));
    assert_eq!(ids_of(store, &[ALICE], later(9)).await, [id(1), id(2)]);
    assert_eq!(ids_of(store, &[ALICE], later(10)).await, [id(1)]);
    assert_eq!(ids_of(store, &[ALICE, SID, BOB, ALICE], NOW).await, [id(1), id(2), id(3)]);
    assert_eq!(ids_of(store, &[SID], NOW).await, []);
    assert_eq!(ids_of(store, &[], NOW).await, []);
}
