//! The operations of the store, each of one or a few calls

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::RedisRecords;
use super::connection::Call;
use super::entry::{Entry, decode, encode};
use super::failure::Failure;
use super::replicated::Write;
use crate::flow::ports::UnixTime;
use crate::session::records::{EndedBy, Inserted, Kept, RecordId, Row, Scope, Swapped, Tag};

/// How long an index is kept: longer than any session can last, because `session.lifetime` may change while it lasts.
const INDEX_LIFE: Duration = Duration::from_hours(31 * 24);
/// How long a record is kept after its session has expired.
const KEPT: Duration = Duration::from_mins(10);
/// The number of records that one script or read names.
const CHUNK: usize = 50;

static ADD_TO_SID: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("add_to_sid.lua")));
static INSERT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("insert.lua")));
static SWAP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("swap.lua")));
static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("remove.lua")));
static MARK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("mark.lua")));
static END: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("end.lua")));

impl RedisRecords {
    /// Returns the seconds that a record is kept.
    fn record_life(&self, row: &Row) -> u64 {
        UnixTime(row.ends_at).seconds_since(self.clock.now()).saturating_add(KEPT.as_secs())
    }

    pub(super) async fn insert_row(&self, row: &Row, now: UnixTime) -> Result<Inserted, Failure> {
        if row.id.slot() != row.subject.slot() {
            return Err(Failure::Unreadable);
        }
        let (entry, life) = (Entry::of(row).encode(), INDEX_LIFE.as_secs());
        if let Some(sid) = row.sid {
            let mut call = ADD_TO_SID.key(self.keys.sid(sid));
            call.key(self.keys.mark(sid)).arg(now.0).arg(&entry).arg(now.plus(INDEX_LIFE).0);
            call.arg(life).arg(row.issued_at);
            let added: String = self.connection.repeat(Call::Script(&call)).await?;
            if added == "ended" {
                return Ok(Inserted::Ended);
            }
        }
        let mut call = INSERT.key(self.keys.record(row.id));
        call.key(self.keys.user(row.subject))
            .key(self.keys.mark(row.subject))
            .key(self.keys.tombstone(row.id));
        call.arg(now.0).arg(encode(row)?).arg(self.record_life(row)).arg(&entry).arg(row.ends_at).arg(life);
        call.arg(self.per_user).arg(row.issued_at);
        let inserted: String = self.connection.repeat(Call::Script(&call)).await?;
        let inserted = match inserted.as_str() {
            "stored" => return Ok(Inserted::Stored),
            // The entry may be that of the other record.
            "collision" => return Ok(Inserted::Collision),
            "user_full" => Inserted::UserFull,
            _ => Inserted::Ended,
        };
        self.remove_from_sid(row.sid, &entry).await;
        Ok(inserted)
    }

    pub(super) async fn find_row(&self, id: RecordId) -> Result<Option<Row>, Failure> {
        let command = redis::cmd("GET").arg(self.keys.record(id)).to_owned();
        let found: Option<Vec<u8>> = self.connection.repeat(Call::Command(&command)).await?;
        Ok(found.map(|bytes| decode(&bytes)).transpose()?.flatten())
    }

    pub(super) async fn swap_row(&self, replaced: u64, row: &Row, kept: Kept) -> Result<Swapped, Failure> {
        let key = self.keys.record(row.id);
        let mut call = SWAP.key(&key);
        call.key(self.keys.user(row.subject)).arg(&replaced.to_be_bytes()[..]).arg(encode(row)?);
        call.arg(self.record_life(row)).arg(Entry::of(row).encode()).arg(row.ends_at);
        call.arg(self.keys.channel()).arg([&row.id.0[..], &row.revision.to_be_bytes()].concat());
        call.arg(INDEX_LIFE.as_secs());
        let swapped: String = match kept {
            Kept::Once => self.connection.repeat(Call::Script(&call)).await?,
            Kept::Replicated => self.leases.run(Write { script: &SWAP, call: &call, key: &key }).await?,
        };
        Ok(match swapped.as_str() {
            "stored" => Swapped::Stored,
            "gone" => Swapped::Gone,
            _ => Swapped::Changed,
        })
    }

    pub(super) async fn remove_row(&self, id: RecordId) -> Result<bool, Failure> {
        let row = self.find_row(id).await?;
        let entry = row.as_ref().map(|row| (row, Entry::of(row).encode()));
        let key = self.keys.record(id);
        let mut call = REMOVE.key(&key);
        call.key(self.keys.nothing(id.slot())).arg(self.keys.channel()).arg(&id.0[..]);
        if let Some((row, entry)) = &entry {
            call.key(self.keys.user(row.subject)).arg(entry);
        }
        let removed: u8 = self.ends.run(Write { script: &REMOVE, call: &call, key: &key }).await?;
        if let Some((row, entry)) = &entry {
            self.remove_from_sid(row.sid, entry).await;
        }
        Ok(removed == 1)
    }

    /// Removes an entry from the index of a `sid`. The entry does no harm if that fails, and expires.
    async fn remove_from_sid(&self, sid: Option<Tag>, entry: &[u8]) {
        if let Some(sid) = sid {
            let command = redis::cmd("ZREM").arg(self.keys.sid(sid)).arg(entry).to_owned();
            let _removed: Result<u8, _> = self.connection.run(Call::Command(&command)).await;
        }
    }

    pub(super) async fn end_tags(&self, ended: &EndedBy) -> Result<Vec<RecordId>, Failure> {
        let mut entries = BTreeMap::new();
        for tag in &ended.tags {
            for entry in self.mark_tag(*tag, ended).await? {
                if ended.ends(entry.has_sid, entry.began_at, entry.issued_at) {
                    entries.insert((entry.subject, entry.id), entry);
                }
            }
        }
        let entries: Vec<_> = entries.into_values().collect();
        let mut ids = Vec::new();
        for of_user in entries.chunk_by(|one, other| one.subject == other.subject) {
            for chunk in of_user.chunks(CHUNK) {
                ids.extend(self.end_entries(chunk, ended).await?);
            }
        }
        Ok(ids)
    }

    /// Marks a tag. Returns the entries of its sessions.
    async fn mark_tag(&self, tag: Tag, ended: &EndedBy) -> Result<Vec<Entry>, Failure> {
        let key = self.keys.mark(tag);
        let mut call = MARK.key(&key);
        call.key(self.keys.user(tag))
            .key(self.keys.sid(tag))
            .key(self.keys.nothing(tag.slot()))
            .arg(u8::from(ended.scope == Scope::Every));
        call.arg(ended.issued_at.0).arg(ended.refused_until.0).arg(self.mark_life(ended));
        let lists: Vec<Vec<Vec<u8>>> = self.ends.run(Write { script: &MARK, call: &call, key: &key }).await?;
        Ok(lists.iter().flatten().map(|bytes| Entry::decode(bytes)).collect::<Result<_, _>>()?)
    }

    /// Deletes sessions of one user. Returns the ids of those that were there.
    async fn end_entries(&self, entries: &[Entry], ended: &EndedBy) -> Result<Vec<RecordId>, Failure> {
        let Some(first) = entries.first() else { return Ok(Vec::new()) };
        let key = self.keys.user(first.subject);
        let mut call = END.key(&key);
        call.arg(self.mark_life(ended)).arg(self.keys.channel());
        for entry in entries {
            call.key(self.keys.record(entry.id)).key(self.keys.tombstone(entry.id)).arg(entry.encode());
            call.arg(&entry.id.0[..]);
        }
        let removed: Vec<u8> = self.ends.run(Write { script: &END, call: &call, key: &key }).await?;
        let ended = entries.iter().zip(removed).filter(|(_, removed)| *removed == 1);
        Ok(ended.map(|(entry, _)| entry.id).collect())
    }

    /// Returns when a logout token first arrived.
    pub(super) async fn arrive(
        &self,
        token: Tag,
        now: UnixTime,
        until: UnixTime,
    ) -> Result<UnixTime, Failure> {
        let mut command = redis::cmd("SET");
        let life = until.seconds_since(self.clock.now()).saturating_add(KEPT.as_secs());
        command.arg(self.keys.logout_token(token)).arg(now.0).arg("NX").arg("GET").arg("EX").arg(life);
        let first: Option<u64> = self.connection.repeat(Call::Command(&command)).await?;
        Ok(first.map_or(now, UnixTime))
    }

    fn mark_life(&self, ended: &EndedBy) -> u64 {
        ended.refused_until.seconds_since(self.clock.now()).saturating_add(KEPT.as_secs())
    }

    pub(super) async fn rows_of(&self, tag: Tag, now: UnixTime) -> Result<Vec<Row>, Failure> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.keys.user(tag)).arg(format!("({}", now.0)).arg("+inf");
        let entries: Vec<Vec<u8>> = self.connection.repeat(Call::Command(&command)).await?;
        let mut rows = Vec::new();
        for chunk in entries.chunks(CHUNK) {
            let mut command = redis::cmd("MGET");
            for entry in chunk {
                command.arg(self.keys.record(Entry::decode(entry)?.id));
            }
            let found: Vec<Option<Vec<u8>>> = self.connection.repeat(Call::Command(&command)).await?;
            for bytes in found.iter().flatten() {
                rows.extend(decode(bytes)?);
            }
        }
        rows.retain(|row| !row.is_over(now));
        Ok(rows)
    }
}
