//! The tables of the file
//!
//! | table | key | value |
//! |---|---|---|
//! | `rows` | id | row |
//! | `subjects`, `sids` | tag, id | whether there is a `sid`, `began_at`, `issued_at`, `ends_at` |
//! | `ends` | `ends_at`, id | |
//! | `marks` | tag | `issued_at`, `refused_until` |
//! | `mark_ends` | `refused_until`, tag | |

use std::collections::BTreeSet;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, StorageError, Table,
    TableDefinition, TableError, WriteTransaction,
};

use super::failure::{Failure, Written};
use crate::flow::ports::UnixTime;
use crate::session::records::{Bounds, EndedBy, Inserted, RecordId, Row, Scope, Swapped, Tag};

/// A [`RecordId`] or a [`Tag`].
type Name = [u8; 16];
type TagTable = TableDefinition<'static, (Name, Name), Times>;
/// Whether a row has a `sid`, and its `began_at`, `issued_at` and `ends_at`.
type Times = (bool, u64, u64, u64);
type EndTable = TableDefinition<'static, (u64, Name), ()>;

const ROWS: TableDefinition<'_, Name, &[u8]> = TableDefinition::new("rows");
const SUBJECTS: TagTable = TableDefinition::new("subjects");
const SIDS: TagTable = TableDefinition::new("sids");
const ENDS: EndTable = TableDefinition::new("ends");
const MARKS: TableDefinition<'_, Name, (u64, u64)> = TableDefinition::new("marks");
const MARK_ENDS: EndTable = TableDefinition::new("mark_ends");

/// The number of expired entries that one write removes, so that no write takes long.
const MAX_SWEPT: usize = 16;

/// All tables, for a write.
pub(super) struct Tables<'t> {
    rows: Table<'t, Name, &'static [u8]>,
    subjects: Table<'t, (Name, Name), Times>,
    sids: Table<'t, (Name, Name), Times>,
    ends: Table<'t, (u64, Name), ()>,
    marks: Table<'t, Name, (u64, u64)>,
    mark_ends: Table<'t, (u64, Name), ()>,
}

impl<'t> Tables<'t> {
    /// Opens the tables, or creates them.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            rows: transaction.open_table(ROWS)?,
            subjects: transaction.open_table(SUBJECTS)?,
            sids: transaction.open_table(SIDS)?,
            ends: transaction.open_table(ENDS)?,
            marks: transaction.open_table(MARKS)?,
            mark_ends: transaction.open_table(MARK_ENDS)?,
        })
    }

    pub(super) fn insert(
        &mut self,
        row: &Row,
        now: UnixTime,
        bounds: Bounds,
    ) -> Result<(Inserted, Written), Failure> {
        let mut swept = self.sweep(now)?;
        let stored = row_of(&self.rows, row.id)?;
        if stored.as_ref().is_some_and(|stored| stored.is_over(now)) {
            swept |= self.remove(row.id)?;
        }
        let inserted = if stored.is_some_and(|stored| !stored.is_over(now)) {
            Inserted::Collision
        } else if self.refuses(row, now)? {
            Inserted::Ended
        } else if of_tag(&self.subjects, row.subject)?.filter(|entry| entry.ends_at > now.0).count()
            >= bounds.per_user
        {
            Inserted::UserFull
        } else if self.rows.len()? >= bounds.sessions as u64 {
            Inserted::Full
        } else {
            self.put(row)?;
            return Ok((Inserted::Stored, Written::Everything));
        };
        Ok((inserted, if swept { Written::Everything } else { Written::Nothing }))
    }

    pub(super) fn compare_and_swap(
        &mut self,
        replaced: u64,
        row: &Row,
    ) -> Result<(Swapped, Written), Failure> {
        let Some(stored) = row_of(&self.rows, row.id)? else { return Ok((Swapped::Gone, Written::Nothing)) };
        if stored.revision != replaced {
            return Ok((Swapped::Changed, Written::Nothing));
        }
        let same = Row { revision: row.revision, active_at: row.active_at, ..stored };
        if same == *row {
            self.rows.insert(row.id.0, &*row.encode()?)?;
            return Ok((Swapped::Stored, Written::ActiveAt));
        }
        self.remove(row.id)?;
        self.put(row)?;
        Ok((Swapped::Stored, Written::Everything))
    }

    pub(super) fn remove_row(&mut self, id: RecordId) -> Result<(bool, Written), Failure> {
        let removed = self.remove(id)?;
        Ok((removed, if removed { Written::Everything } else { Written::Nothing }))
    }

    pub(super) fn end_by(
        &mut self,
        ended: &EndedBy,
        now: UnixTime,
        bounds: Bounds,
    ) -> Result<(Vec<RecordId>, Written), Failure> {
        self.sweep(now)?;
        let mut ids = BTreeSet::new();
        for tag in &ended.tags {
            if ended.scope == Scope::Every {
                self.mark(*tag, ended, bounds)?;
            }
            let of_tag = of_tag(&self.subjects, *tag)?.chain(of_tag(&self.sids, *tag)?);
            ids.extend(
                of_tag
                    .filter(|entry| ended.ends(entry.has_sid, entry.began_at, entry.issued_at))
                    .map(|entry| entry.id),
            );
        }
        for id in &ids {
            self.remove(*id)?;
        }
        Ok((ids.into_iter().collect(), Written::Everything))
    }

    fn put(&mut self, row: &Row) -> Result<(), Failure> {
        self.rows.insert(row.id.0, &*row.encode()?)?;
        let times = (row.sid.is_some(), row.began_at, row.issued_at, row.ends_at);
        self.subjects.insert((row.subject.0, row.id.0), times)?;
        if let Some(sid) = row.sid {
            self.sids.insert((sid.0, row.id.0), times)?;
        }
        self.ends.insert((row.ends_at, row.id.0), ())?;
        Ok(())
    }

    fn remove(&mut self, id: RecordId) -> Result<bool, Failure> {
        let row = row_of(&self.rows, id)?;
        self.rows.remove(id.0)?;
        // Of a row of an older version, the entries of its tags remain. They name no row.
        let Some(row) = row else { return Ok(false) };
        self.subjects.remove((row.subject.0, id.0))?;
        if let Some(sid) = row.sid {
            self.sids.remove((sid.0, id.0))?;
        }
        self.ends.remove((row.ends_at, id.0))?;
        Ok(true)
    }

    fn refuses(&self, row: &Row, now: UnixTime) -> Result<bool, Failure> {
        for tag in row.tags() {
            let mark = self.marks.get(tag.0)?.map(|mark| mark.value());
            let is_refused = |(issued_at, until)| row.issued_at <= issued_at && now.0 < until;
            if mark.is_some_and(is_refused) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn mark(&mut self, tag: Tag, ended: &EndedBy, bounds: Bounds) -> Result<(), Failure> {
        let mut new = (ended.issued_at.0, ended.refused_until.0);
        if let Some((issued_at, until)) = self.marks.get(tag.0)?.map(|mark| mark.value()) {
            self.mark_ends.remove((until, tag.0))?;
            // A token that arrives late must not admit what a newer one refused.
            new = (new.0.max(issued_at), new.1.max(until));
        }
        self.marks.insert(tag.0, new)?;
        self.mark_ends.insert((new.1, tag.0), ())?;
        if self.marks.len()? > bounds.sessions as u64
            && let Some((_, tag)) = self.mark_ends.pop_first()?.map(|(key, _)| key.value())
        {
            self.marks.remove(tag)?;
        }
        Ok(())
    }

    /// Removes some of what has expired. Returns whether there was anything.
    fn sweep(&mut self, now: UnixTime) -> Result<bool, Failure> {
        let rows = expired(&self.ends, now)?;
        for (end, id) in &rows {
            if !self.remove(RecordId(*id))? {
                self.ends.remove((*end, *id))?;
            }
        }
        let marks = expired(&self.mark_ends, now)?;
        for (end, tag) in &marks {
            self.mark_ends.remove((*end, *tag))?;
            self.marks.remove(*tag)?;
        }
        Ok(!rows.is_empty() || !marks.is_empty())
    }
}

/// The tables of the rows, as one read sees them.
pub(super) struct Snapshot {
    rows: ReadOnlyTable<Name, &'static [u8]>,
    subjects: ReadOnlyTable<(Name, Name), Times>,
}

impl Snapshot {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, TableError> {
        Ok(Self { rows: transaction.open_table(ROWS)?, subjects: transaction.open_table(SUBJECTS)? })
    }

    pub(super) fn row(&self, id: RecordId) -> Result<Option<Row>, Failure> {
        row_of(&self.rows, id)
    }

    pub(super) fn of_user(&self, subject: &[Tag], now: UnixTime) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for tag in subject.iter().collect::<BTreeSet<_>>() {
            for entry in of_tag(&self.subjects, *tag)?.filter(|entry| entry.ends_at > now.0) {
                rows.extend(row_of(&self.rows, entry.id)?);
            }
        }
        Ok(rows)
    }

    pub(super) fn count(&self) -> Result<usize, Failure> {
        Ok(usize::try_from(self.rows.len()?).unwrap_or(usize::MAX))
    }
}

/// An entry of `subjects` or `sids`.
struct Tagged {
    id: RecordId,
    has_sid: bool,
    began_at: u64,
    issued_at: u64,
    ends_at: u64,
}

fn row_of(rows: &impl ReadableTable<Name, &'static [u8]>, id: RecordId) -> Result<Option<Row>, Failure> {
    Ok(rows.get(id.0)?.map(|bytes| Row::from_store(bytes.value())).transpose()?.flatten())
}

fn of_tag(
    table: &impl ReadableTable<(Name, Name), Times>,
    tag: Tag,
) -> Result<impl Iterator<Item = Tagged>, StorageError> {
    let range = table.range((tag.0, [0; 16])..=(tag.0, [0xff; 16]))?;
    let entries = range.map(|entry| {
        let (key, times) = entry?;
        let ((_, id), (has_sid, began_at, issued_at, ends_at)) = (key.value(), times.value());
        Ok(Tagged { id: RecordId(id), has_sid, began_at, issued_at, ends_at })
    });
    Ok(entries.collect::<Result<Vec<_>, StorageError>>()?.into_iter())
}

fn expired(
    table: &impl ReadableTable<(u64, Name), ()>,
    now: UnixTime,
) -> Result<Vec<(u64, Name)>, StorageError> {
    let range = table.range(..=(now.0, [0xff; 16]))?.take(MAX_SWEPT);
    range.map(|entry| Ok(entry?.0.value())).collect()
}
