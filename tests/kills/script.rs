//! The writes of a writer, and the sessions that they leave

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use foregate::flow::ports::UnixTime;
use foregate::session::records::{
    EndedBy, Holder, Inserted, Kept, LeaseState, RecordId, Records, Row, Scope, Swapped, Tag,
};

use crate::NOW;

/// The number of sessions that a writer can have.
pub(crate) const SLOTS: u8 = 12;
/// The number of provider sessions of a writer.
pub(crate) const SIDS: u8 = 4;

/// A write, with the result that it must have.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Insert(Row, Inserted),
    Swap(Row, Swapped),
    Remove(RecordId, bool),
    EndBy(EndedBy, Vec<RecordId>),
}

/// A writer after some of its steps.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    number: u8,
    random: u64,
    /// The number of the steps.
    pub(crate) steps: u64,
    /// The steps after which the process may be killed without a loss.
    pub(crate) durable: u64,
    pub(crate) rows: BTreeMap<RecordId, Row>,
    /// `issued_at` of the marks.
    pub(crate) marks: BTreeMap<Tag, u64>,
}

impl Writer {
    pub(crate) fn new(number: u8, seed: u64) -> Self {
        let random = seed ^ (u64::from(number) << 56);
        Self { number, random, steps: 0, durable: 0, rows: BTreeMap::new(), marks: BTreeMap::new() }
    }

    pub(crate) fn id(&self, slot: u8) -> RecordId {
        let mut id = [self.number; 16];
        id[0] = slot;
        RecordId(id)
    }

    pub(crate) fn subject(&self) -> Tag {
        Tag([self.number; 16])
    }

    pub(crate) fn sid(&self, sid: u8) -> Tag {
        let mut tag = [self.number; 16];
        tag[15] = 0x80 | sid;
        Tag(tag)
    }

    /// Takes the next step, and returns it.
    pub(crate) fn advance(&mut self) -> Step {
        self.steps += 1;
        let slot = self.draw_byte(SLOTS.into());
        let id = self.id(slot);
        let step = match self.draw(100) {
            0..30 => self.insert(id),
            30..55 => self.swap(id),
            55..75 => self.touch(id),
            75..90 => Step::Remove(id, self.rows.remove(&id).is_some()),
            _ => self.end_by(),
        };
        let is_durable = match &step {
            Step::Insert(_, inserted) => *inserted == Inserted::Stored,
            Step::Swap(row, swapped) => *swapped == Swapped::Stored && row.active_at == NOW.0,
            Step::Remove(_, removed) => *removed,
            Step::EndBy(..) => true,
        };
        if is_durable {
            self.durable = self.steps;
        }
        step
    }

    fn insert(&mut self, id: RecordId) -> Step {
        let sid = (self.draw(3) > 0).then(|| self.draw_sid());
        // Sometimes before the last logout token.
        let issued_at = NOW.0 + self.steps - self.draw(20).min(self.steps);
        let row = Row {
            id,
            revision: 1,
            generation: self.steps,
            lease: LeaseState::Available,
            subject: self.subject(),
            sid,
            began_at: NOW.0 + self.steps,
            issued_at,
            active_at: NOW.0,
            ends_at: NOW.0 + 1_000_000,
            sealed: self.sealed(),
            summary: vec![1].into(),
        };
        let mut marks = [Some(row.subject), sid].into_iter().flatten().filter_map(|tag| self.marks.get(&tag));
        let is_ended = marks.any(|mark| issued_at <= *mark);
        match self.rows.entry(id) {
            Entry::Occupied(_) => Step::Insert(row, Inserted::Collision),
            Entry::Vacant(_) if is_ended => Step::Insert(row, Inserted::Ended),
            Entry::Vacant(entry) => Step::Insert(entry.insert(row).clone(), Inserted::Stored),
        }
    }

    /// Replaces everything that a refresh replaces, and the `sid`.
    fn swap(&mut self, id: RecordId) -> Step {
        let sid = self.draw_sid();
        let sealed = self.sealed();
        let lease = LeaseState::Held { by: Holder { process: 1, fence: self.steps }, until: NOW.0 };
        let generation = self.steps;
        self.replace(id, |row| Row { generation, lease, sid: Some(sid), active_at: NOW.0, sealed, ..row })
    }

    /// Replaces `active_at`, which is the write that may be lost.
    fn touch(&mut self, id: RecordId) -> Step {
        let active_at = NOW.0 + self.steps;
        self.replace(id, |row| Row { active_at, ..row })
    }

    fn replace(&mut self, id: RecordId, change: impl FnOnce(Row) -> Row) -> Step {
        let Some(stored) = self.rows.get_mut(&id) else {
            let row = Row { revision: 2, ..self.some_row(id) };
            return Step::Swap(row, Swapped::Gone);
        };
        *stored = change(Row { revision: stored.revision + 1, ..stored.clone() });
        Step::Swap(stored.clone(), Swapped::Stored)
    }

    /// Returns a row that no step stores.
    pub(crate) fn some_row(&self, id: RecordId) -> Row {
        Row {
            id,
            revision: 1,
            generation: 1,
            lease: LeaseState::TokenSpent,
            subject: self.subject(),
            sid: None,
            began_at: NOW.0,
            issued_at: NOW.0,
            active_at: NOW.0,
            ends_at: NOW.0 + 1,
            sealed: vec![].into(),
            summary: vec![].into(),
        }
    }

    fn end_by(&mut self) -> Step {
        // Rarely the user, because that ends all sessions.
        let tag = if self.draw(8) == 0 { self.subject() } else { self.draw_sid() };
        let issued_at = NOW.0 + self.steps - self.draw(40).min(self.steps);
        let mark = self.marks.entry(tag).or_default();
        *mark = issued_at.max(*mark);
        let is_ended = |row: &Row| (row.subject == tag || row.sid == Some(tag)) && row.issued_at <= issued_at;
        let ids: Vec<_> = self.rows.values().filter(|row| is_ended(row)).map(|row| row.id).collect();
        self.rows.retain(|_, row| !is_ended(row));
        let refused_until = UnixTime(NOW.0 + 1_000_000);
        Step::EndBy(
            EndedBy {
                tags: vec![tag],
                scope: Scope::Every,
                arrived_at: None,
                issued_at: UnixTime(issued_at),
                refused_until,
            },
            ids,
        )
    }

    /// Returns up to four pages, so that rows of all sizes are written.
    fn sealed(&mut self) -> std::sync::Arc<[u8]> {
        let blocks = self.draw_byte(250);
        [self.draw_byte(256); 64].repeat(blocks.into()).into()
    }

    fn draw_sid(&mut self) -> Tag {
        let sid = self.draw_byte(SIDS.into());
        self.sid(sid)
    }

    fn draw_byte(&mut self, limit: u64) -> u8 {
        u8::try_from(self.draw(limit)).unwrap()
    }

    /// Returns a number below `limit` (Steele, Lea, Flood: `SplitMix`).
    fn draw(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

impl Step {
    /// Writes it, and compares the result.
    pub(crate) async fn perform(&self, store: &impl Records) {
        match self {
            Self::Insert(row, expected) => assert_eq!(store.insert(row, NOW).await, Ok(*expected)),
            Self::Swap(row, expected) => {
                assert_eq!(
                    store.compare_and_swap(row.revision.saturating_sub(1), row, Kept::Replicated).await,
                    Ok(*expected)
                );
            }
            Self::Remove(id, expected) => assert_eq!(store.remove(*id).await, Ok(*expected)),
            Self::EndBy(ended, expected) => assert_eq!(store.end_by(ended).await.as_ref(), Ok(expected)),
        }
    }
}
