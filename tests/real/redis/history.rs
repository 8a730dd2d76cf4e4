//! History of one record, and the check that it is linearizable
//!
//! 1. The check is that of Wing and Gong with the cache of Lowe. It looks for an order of the operations that respects
//!    real time and the specification, and visits no state with the same operations twice. The tester of the crate
//!    `stateright` has no such cache, and needs a web server.
//! 2. An operation without an answer may take effect at any time after its call, or never.
//! 3. Only confirmed operations count. `find` may return a row that a failover loses. So a read is a `find` and then a
//!    replicated write of the same content. A write that was refused is left out: it changed nothing, and the row that
//!    was in its way may be lost too.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foregate::session::records::{Kept, Records, Row, Swapped};

/// The specification: a record is absent, or has a revision and a value.
type State = Option<(u64, u64)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// Replaces a revision by the next one.
    Write { revision: u64, value: u64 },
    /// Finds a revision with this value, and replaces it by the next one.
    Read { revision: u64, value: u64 },
    /// Deletes the record. It may find none because its own first try has deleted it.
    Remove { was_there: bool },
}

impl Op {
    /// Returns the next state, or `None` if the operation has another result in this state.
    fn apply(self, state: State) -> Option<State> {
        match self {
            Self::Write { revision, value } => {
                state.is_some_and(|(found, _)| found == revision).then_some(Some((revision + 1, value)))
            }
            Self::Read { revision, value } => {
                (state == Some((revision, value))).then_some(Some((revision + 1, value)))
            }
            Self::Remove { was_there } => (state.is_some() || !was_there).then_some(None),
        }
    }
}

/// An operation, and when it was called and answered.
#[derive(Clone, Copy, Debug)]
struct Operation {
    op: Op,
    called: usize,
    answered: Option<usize>,
    was_refused: bool,
}

/// The answer to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Refused,
    Unknown,
}

/// The operations on one record. Each event has a number, in the order of real time.
#[derive(Default)]
pub(super) struct History(Mutex<Events>);

#[derive(Default)]
struct Events {
    number: usize,
    operations: Vec<Operation>,
}

impl History {
    /// Replaces a row by one with another value.
    pub(super) async fn write(&self, store: &impl Records, row: &Row, value: u64, kept: Kept) -> Answer {
        let called = self.call(Op::Write { revision: row.revision, value });
        let sealed = value.to_be_bytes().as_slice().into();
        self.swap(called, store, &Row { sealed, ..row.clone() }, kept).await
    }

    /// Confirms a row that was found.
    pub(super) async fn read(&self, store: &impl Records, row: &Row) -> Answer {
        let called = self.call(Op::Read { revision: row.revision, value: value_of(row) });
        self.swap(called, store, row, Kept::Replicated).await
    }

    async fn swap(&self, called: usize, store: &impl Records, row: &Row, kept: Kept) -> Answer {
        // The gateway's revisions are random. Here, this number tells two writes from one that came twice.
        let active_at = u64::try_from(called).unwrap();
        let next = Row { revision: row.revision + 1, active_at, ..row.clone() };
        let swapped = store.compare_and_swap(row.revision, &next, kept).await;
        match swapped {
            Ok(Swapped::Stored) => self.answer(called, |_| Answer::Done),
            Ok(Swapped::Changed | Swapped::Gone) => self.answer(called, |operation| {
                operation.was_refused = true;
                Answer::Refused
            }),
            Err(_) => Answer::Unknown,
        }
    }

    /// Deletes the record.
    pub(super) async fn remove(&self, store: &impl Records, row: &Row) -> Answer {
        let called = self.call(Op::Remove { was_there: false });
        match store.remove(row.id).await {
            Ok(was_there) => self.answer(called, |operation| {
                operation.op = Op::Remove { was_there };
                Answer::Done
            }),
            Err(_) => Answer::Unknown,
        }
    }

    fn call(&self, op: Op) -> usize {
        let mut events = self.events();
        events.number += 1;
        let called = events.number;
        events.operations.push(Operation { op, called, answered: None, was_refused: false });
        events.operations.len() - 1
    }

    fn answer(&self, index: usize, set: impl FnOnce(&mut Operation) -> Answer) -> Answer {
        let mut events = self.events();
        events.number += 1;
        let number = events.number;
        let operation = &mut events.operations[index];
        operation.answered = Some(number);
        set(operation)
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the history of a record that began with this row is linearizable. Otherwise, the error has the
    /// operations that no order explains.
    pub(super) fn check(&self, first: &Row) -> Result<(), String> {
        let counts = |operation: &&Operation| !operation.was_refused;
        let operations: Vec<_> = self.events().operations.iter().filter(counts).copied().collect();
        linearize(Some((first.revision, value_of(first))), &operations)
    }
}

/// Returns the number that a row seals.
pub(super) fn value_of(row: &Row) -> u64 {
    row.sealed.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn linearize(first: State, operations: &[Operation]) -> Result<(), String> {
    let mut pending = vec![(vec![false; operations.len()], first)];
    let mut visited: HashSet<_> = pending.iter().cloned().collect();
    let (mut deepest, mut stuck) = (0, String::new());
    while let Some((done, state)) = pending.pop() {
        let open = || operations.iter().zip(&done).enumerate().filter(|(_, (_, done))| !**done);
        let Some(limit) = open().filter_map(|(_, (operation, _))| operation.answered).min() else {
            return Ok(());
        };
        // One that was called after the answer to another cannot precede it.
        let candidates = open().filter(|(_, (operation, _))| operation.called < limit);
        let depth = done.iter().filter(|done| **done).count();
        if depth >= deepest {
            let next: Vec<_> = candidates.clone().map(|(_, (operation, _))| operation).collect();
            (deepest, stuck) =
                (depth, format!("{depth} operations lead to {state:?}, and then to none of {next:#?}"));
        }
        for (index, (operation, _)) in candidates {
            let Some(next) = operation.op.apply(state) else { continue };
            // It is as good as never.
            if operation.answered.is_none() && next == state {
                continue;
            }
            let mut done = done.clone();
            done[index] = true;
            if visited.insert((done.clone(), next)) {
                pending.push((done, next));
            }
        }
    }
    Err(stuck)
}

/// Returns operations with the events of their call and their answer.
fn operations(operations: &[(Op, usize, Option<usize>)]) -> Vec<Operation> {
    let operation = |&(op, called, answered)| Operation { op, called, answered, was_refused: false };
    operations.iter().map(operation).collect()
}

const fn write(revision: u64, value: u64) -> Op {
    Op::Write { revision, value }
}

const fn read(revision: u64, value: u64) -> Op {
    Op::Read { revision, value }
}

#[test]
fn histories_with_an_order_are_linearizable() {
    let removed = Op::Remove { was_there: true };
    for history in [
        &[(write(1, 5), 1, Some(2)), (read(2, 5), 3, Some(4))][..],
        // The write overlaps the read before it.
        &[(read(1, 0), 2, Some(4)), (write(2, 5), 1, Some(3)), (removed, 5, Some(6))],
        // The first write never took effect, or the removal did so after it was given up.
        &[(write(1, 5), 1, None), (write(1, 6), 2, Some(3)), (read(2, 6), 4, Some(5))],
        &[(removed, 1, None), (write(1, 5), 2, Some(3)), (Op::Remove { was_there: false }, 4, Some(5))],
    ] {
        assert_eq!(linearize(Some((1, 0)), &operations(history)), Ok(()), "{history:?}");
    }
}

#[test]
fn histories_without_an_order_are_refused() {
    let removed = Op::Remove { was_there: true };
    for history in [
        // A write was lost.
        &[(write(1, 5), 1, Some(2)), (read(1, 0), 3, Some(4))][..],
        &[(write(1, 5), 1, Some(2)), (write(1, 6), 3, Some(4))],
        // Two writes of one revision.
        &[(write(1, 5), 1, Some(3)), (write(1, 6), 2, Some(4))],
        // A write revived a removed record, or the record was removed twice.
        &[(removed, 1, Some(2)), (write(1, 5), 3, Some(4))],
        &[(removed, 1, Some(2)), (removed, 3, Some(4))],
        // A write took effect before its call.
        &[(read(2, 5), 1, Some(2)), (write(1, 5), 3, None)],
    ] {
        assert!(linearize(Some((1, 0)), &operations(history)).is_err(), "{history:?}");
    }
}

#[test]
fn many_unanswered_removals_take_no_long_search() {
    let mut history: Vec<_> = (0..60).map(|event| (Op::Remove { was_there: false }, event, None)).collect();
    history.extend([(write(1, 5), 60, Some(61)), (read(1, 0), 62, Some(63))]);
    assert!(linearize(Some((1, 0)), &operations(&history)).is_err());
}
