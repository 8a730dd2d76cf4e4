//! The index of records in the memory of the process
//!
//! 1. Expired rows and marks are removed by later writes, at most 16 of each.
//! 2. If there are too many marks, the one that would expire first is removed. The sessions that it ended are deleted
//!    already, so only a sign-in in progress can notice that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Bounds, EndedBy, Inserted, RecordId, Row, Scope, Swapped, Tag};
use crate::flow::ports::UnixTime;

/// The number of expired entries that one write removes, so that no write takes long.
const MAX_SWEPT: usize = 16;

/// Rows, and the marks of tags that refuse sign-ins.
#[derive(Default)]
pub(super) struct Index {
    pub(super) rows: HashMap<RecordId, Row>,
    by_tag: BTreeSet<(Tag, RecordId)>,
    by_end: BTreeSet<(u64, RecordId)>,
    pub(super) marks: BTreeMap<Tag, Mark>,
    pub(super) marks_by_end: BTreeSet<(u64, Tag)>,
}

#[derive(Clone, Copy)]
pub(super) struct Mark {
    issued_at: u64,
    refused_until: u64,
}

impl Index {
    pub(super) fn insert(&mut self, row: &Row, now: UnixTime, bounds: Bounds) -> Inserted {
        self.sweep(now);
        if self.rows.get(&row.id).is_some_and(|row| row.is_over(now)) {
            self.remove(row.id);
        }
        if self.rows.contains_key(&row.id) {
            return Inserted::Collision;
        }
        if self.refuses(row, now) {
            return Inserted::Ended;
        }
        if self.of_subject(row.subject, now).count() >= bounds.per_user {
            return Inserted::UserFull;
        }
        if self.rows.len() >= bounds.sessions {
            return Inserted::Full;
        }
        self.put(row.clone());
        Inserted::Stored
    }

    pub(super) fn compare_and_swap(&mut self, replaced: u64, row: &Row) -> Swapped {
        let Some(stored) = self.rows.get(&row.id) else { return Swapped::Gone };
        if stored.revision != replaced {
            return Swapped::Changed;
        }
        self.remove(row.id);
        self.put(row.clone());
        Swapped::Stored
    }

    pub(super) fn end_by(&mut self, ended: &EndedBy, now: UnixTime, bounds: Bounds) -> Vec<RecordId> {
        self.mark_ended(ended, now, bounds);
        self.ended(ended).into_iter().filter(|id| self.remove(*id)).collect()
    }

    /// Marks the tags, so that they refuse sign-ins that are in progress.
    pub(super) fn mark_ended(&mut self, ended: &EndedBy, now: UnixTime, bounds: Bounds) {
        self.sweep(now);
        for tag in ended.tags.iter().filter(|_| ended.scope == Scope::Every) {
            self.mark(*tag, ended, bounds);
        }
    }

    /// Returns the rows that end.
    pub(super) fn ended(&self, ended: &EndedBy) -> BTreeSet<RecordId> {
        let rows = ended.tags.iter().flat_map(|tag| self.of_tag(*tag));
        rows.filter(|row| ended.ends(row.sid.is_some(), row.began_at, row.issued_at))
            .map(|row| row.id)
            .collect()
    }

    pub(super) fn put(&mut self, row: Row) {
        for tag in row.tags() {
            self.by_tag.insert((tag, row.id));
        }
        self.by_end.insert((row.ends_at, row.id));
        self.rows.insert(row.id, row);
    }

    pub(super) fn remove(&mut self, id: RecordId) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        for tag in row.tags() {
            self.by_tag.remove(&(tag, id));
        }
        self.by_end.remove(&(row.ends_at, id));
        true
    }

    fn of_tag(&self, tag: Tag) -> impl Iterator<Item = &Row> {
        let range = (tag, RecordId([0; 16]))..=(tag, RecordId([0xff; 16]));
        self.by_tag.range(range).filter_map(|(_, id)| self.rows.get(id))
    }

    pub(super) fn of_subject(&self, tag: Tag, now: UnixTime) -> impl Iterator<Item = &Row> {
        self.of_tag(tag).filter(move |row| row.subject == tag && !row.is_over(now))
    }

    fn refuses(&self, row: &Row, now: UnixTime) -> bool {
        let mut marks = row.tags().filter_map(|tag| self.marks.get(&tag));
        marks.any(|mark| row.issued_at <= mark.issued_at && now.0 < mark.refused_until)
    }

    fn mark(&mut self, tag: Tag, ended: &EndedBy, bounds: Bounds) {
        let new = Mark { issued_at: ended.issued_at.0, refused_until: ended.refused_until.0 };
        let end = match self.marks.entry(tag) {
            Entry::Vacant(entry) => entry.insert(new).refused_until,
            Entry::Occupied(mut entry) => {
                let mark = entry.get_mut();
                self.marks_by_end.remove(&(mark.refused_until, tag));
                // A token that arrives late must not admit what a newer one refused.
                mark.issued_at = mark.issued_at.max(new.issued_at);
                mark.refused_until = mark.refused_until.max(new.refused_until);
                mark.refused_until
            }
        };
        self.marks_by_end.insert((end, tag));
        if self.marks.len() > bounds.sessions
            && let Some((_, tag)) = self.marks_by_end.pop_first()
        {
            self.marks.remove(&tag);
        }
    }

    fn sweep(&mut self, now: UnixTime) {
        let over = self.by_end.iter().take_while(|(end, _)| *end <= now.0).take(MAX_SWEPT);
        for id in over.map(|(_, id)| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
        for _ in 0..MAX_SWEPT {
            match self.marks_by_end.first().copied() {
                Some((end, tag)) if end <= now.0 => {
                    self.marks_by_end.remove(&(end, tag));
                    self.marks.remove(&tag);
                }
                _ => return,
            }
        }
    }
}
