//! Tests of the records in a store of tower-sessions

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result};

use super::super::Scope;
use super::super::contract::{self, BOUNDS, Fixture, NOW, SID, TestClock, row};
use super::*;

const LIFE: Duration = Duration::from_secs(1000);

/// A store that has what the trait requires, and no more. It keeps expired records.
#[derive(Clone, Debug, Default)]
struct Foreign {
    records: Arc<StdMutex<HashMap<Id, Record>>>,
    deletions_fail: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl SessionStore for Foreign {
    async fn save(&self, record: &Record) -> Result<()> {
        tokio::task::yield_now().await;
        self.records.lock().unwrap().insert(record.id, record.clone());
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        tokio::task::yield_now().await;
        let found = self.records.lock().unwrap().get(id).cloned();
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        if self.deletions_fail.load(Ordering::Relaxed) {
            return Err(Error::Backend("the disk is gone".to_owned()));
        }
        self.records.lock().unwrap().remove(id);
        Ok(())
    }
}

impl Fixture for Single<Foreign> {
    type Store = Self;
    const COUNTS: bool = false;

    async fn start(bounds: Bounds, clock: Arc<TestClock>) -> Self {
        Self::new(Foreign::default(), bounds, LIFE, clock)
    }

    fn store(&self) -> &Self {
        self
    }
}

contract::contract!(Single<Foreign>);

fn process_with(store: &Foreign, clock: &Arc<TestClock>) -> Single<Foreign> {
    Single::new(store.clone(), BOUNDS, LIFE, Arc::clone(clock) as Arc<dyn Clock>)
}

fn ended(tag: Tag, scope: Scope) -> EndedBy {
    EndedBy {
        tags: vec![tag],
        scope,
        arrived_at: Some(NOW),
        issued_at: NOW,
        refused_until: UnixTime(NOW.0 + 60),
    }
}

#[tokio::test]
async fn session_of_an_earlier_process_is_found_by_its_user_after_a_lookup() {
    let (store, clock) = (Foreign::default(), TestClock::new());
    process_with(&store, &clock).insert(&row(1), NOW).await.unwrap();
    let next = process_with(&store, &clock);
    let subject = [row(1).subject];
    assert_eq!(next.of_user(&subject, NOW).await, Ok(vec![]));
    assert_eq!(next.insert(&row(1), NOW).await, Ok(Inserted::Collision), "its id is taken");
    assert_eq!(next.find(row(1).id).await, Ok(Some(row(1))));
    assert_eq!(next.of_user(&subject, NOW).await, Ok(vec![row(1)]));
    assert_eq!(next.end_by(&ended(subject[0], Scope::Every)).await, Ok(vec![row(1).id]));
}

#[tokio::test]
async fn session_that_was_ended_unseen_ends_at_its_lookup() {
    for scope in [Scope::Every, Scope::WithoutSid] {
        let (store, clock) = (Foreign::default(), TestClock::new());
        let process = process_with(&store, &clock);
        let with_sid = Row { sid: Some(SID), ..row(2) };
        let newer = Row { began_at: NOW.0 + 1, issued_at: NOW.0 + 1, ..row(3) };
        for row in [&row(1), &with_sid, &newer] {
            process.insert(row, NOW).await.unwrap();
        }
        let next = process_with(&store, &clock);
        assert_eq!(next.end_by(&ended(row(1).subject, scope)).await, Ok(vec![]), "none is known yet");
        clock.set(UnixTime(NOW.0 + 90));
        let swap = Row { revision: 2, ..row(1) };
        assert_eq!(next.compare_and_swap(1, &swap, Kept::Replicated).await, Ok(Swapped::Gone));
        assert_eq!(next.find(row(1).id).await, Ok(None));
        let rest = (scope == Scope::WithoutSid).then_some(with_sid);
        assert_eq!(next.find(row(2).id).await, Ok(rest), "{scope:?}");
        assert_eq!(next.find(row(3).id).await, Ok(Some(newer)));
        assert!(!store.records.lock().unwrap().contains_key(&row(1).id.to_tower()), "it is deleted");
    }
}

#[tokio::test]
async fn failed_end_can_be_repeated() {
    let (store, clock) = (Foreign::default(), TestClock::new());
    let process = process_with(&store, &clock);
    process.insert(&row(1), NOW).await.unwrap();
    store.deletions_fail.store(true, Ordering::Relaxed);
    assert!(process.end_by(&ended(row(1).subject, Scope::Every)).await.is_err());
    store.deletions_fail.store(false, Ordering::Relaxed);
    assert_eq!(process.end_by(&ended(row(1).subject, Scope::Every)).await, Ok(vec![row(1).id]));
    assert_eq!(process.find(row(1).id).await, Ok(None));
}

#[tokio::test]
async fn index_and_ends_have_a_bound() {
    let (store, clock) = (Foreign::default(), TestClock::new());
    let bounds = Bounds { sessions: 2, per_user: 2 };
    let earlier = process_with(&store, &clock);
    let process = Single::new(store.clone(), bounds, LIFE, Arc::clone(&clock) as Arc<dyn Clock>);
    for number in 1..=3 {
        earlier.insert(&row(number), NOW).await.unwrap();
        assert_eq!(process.find(row(number).id).await, Ok(Some(row(number))), "{number}");
        process.end_by(&ended(Tag([number; 16]), Scope::Every)).await.unwrap();
    }
    assert_eq!(process.of_user(&[row(1).subject], NOW).await.unwrap().len(), 2);
    assert_eq!(process.known().ends.len(), 2);
    clock.set(UnixTime(NOW.0 + LIFE.as_secs()));
    process.end_by(&ended(Tag([9; 16]), Scope::Every)).await.unwrap();
    assert_eq!(process.known().ends.len(), 1, "the others have expired");
}
