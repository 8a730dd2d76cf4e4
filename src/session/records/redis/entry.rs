//! The names of keys, the bytes of records, and the entries of indexes
//!
//! | key | type | content |
//! |---|---|---|
//! | `{slot}r:id` | string | revision, `ends_at`, row |
//! | `{slot}u:tag` | sorted set | the entries of a user's sessions, by `ends_at` |
//! | `{slot}s:tag` | sorted set | the entries of the sessions with a `sid` |
//! | `{slot}m:tag` | hash | `issued_at` and `until` of a mark |
//! | `{slot}t:id` | string | tombstone of a session that was ended while it began |
//! | `{slot}d:` | string | nothing: it exists only within a script |
//! | `{slot}j:token` | string | when a logout token first arrived |
//!
//! What belongs to one user has one slot, so that a script can change it in a cluster. A `sid` has a slot of its own.

use std::fmt::Write;

use crate::session::records::{RecordId, Row, RowError, Tag};

/// The keys of one gateway.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(super) fn record(&self, id: RecordId) -> String {
        self.key(id.slot(), 'r', &id.0)
    }

    pub(super) fn tombstone(&self, id: RecordId) -> String {
        self.key(id.slot(), 't', &id.0)
    }

    /// Returns the name of a key that exists only within a script.
    pub(super) fn nothing(&self, slot: [u8; 2]) -> String {
        self.key(slot, 'd', &[])
    }

    pub(super) fn logout_token(&self, token: Tag) -> String {
        self.key(token.slot(), 'j', &token.0)
    }

    pub(super) fn user(&self, tag: Tag) -> String {
        self.key(tag.slot(), 'u', &tag.0)
    }

    pub(super) fn sid(&self, tag: Tag) -> String {
        self.key(tag.slot(), 's', &tag.0)
    }

    pub(super) fn mark(&self, tag: Tag) -> String {
        self.key(tag.slot(), 'm', &tag.0)
    }

    /// Returns the name of the channel of changes.
    pub(super) fn channel(&self) -> String {
        format!("{}changed", self.prefix)
    }

    fn key(&self, slot: [u8; 2], kind: char, name: &[u8]) -> String {
        let mut key = String::with_capacity(self.prefix.len() + 40);
        key.push_str(&self.prefix);
        key.push('{');
        push_hex(&mut key, &slot);
        key.push('}');
        key.push(kind);
        key.push(':');
        push_hex(&mut key, name);
        key
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
}

/// The times in front of a row, which the scripts read.
const HEAD_LEN: usize = 16;

/// Returns the bytes of a record.
pub(super) fn encode(row: &Row) -> Result<Vec<u8>, RowError> {
    let head = [row.revision.to_be_bytes(), row.ends_at.to_be_bytes()].concat();
    Ok([head, row.encode()?].concat())
}

/// Reads a record. Returns `None` for one that an older version of the gateway wrote.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<Row>, RowError> {
    Row::from_store(bytes.get(HEAD_LEN..).ok_or(RowError)?)
}

/// What an index has of a session. It does not change while the session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: RecordId,
    pub(super) subject: Tag,
    pub(super) has_sid: bool,
    pub(super) began_at: u64,
    pub(super) issued_at: u64,
}

impl Entry {
    const LEN: usize = 16 + 16 + 1 + 8 + 8;

    pub(super) fn of(row: &Row) -> Self {
        Self {
            id: row.id,
            subject: row.subject,
            has_sid: row.sid.is_some(),
            began_at: row.began_at,
            issued_at: row.issued_at,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let (began_at, issued_at) = (self.began_at.to_be_bytes(), self.issued_at.to_be_bytes());
        let parts = [&self.id.0[..], &self.subject.0, &[u8::from(self.has_sid)], &began_at, &issued_at];
        parts.concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let read = |bytes: &[u8]| {
            let (id, rest) = bytes.split_first_chunk()?;
            let (subject, rest) = rest.split_first_chunk()?;
            let (&[has_sid], rest) = rest.split_first_chunk()?;
            let (began_at, rest) = rest.split_first_chunk()?;
            let issued_at = rest.first_chunk()?;
            Some(Self {
                id: RecordId(*id),
                subject: Tag(*subject),
                has_sid: has_sid != 0,
                began_at: u64::from_be_bytes(*began_at),
                issued_at: u64::from_be_bytes(*issued_at),
            })
        };
        if bytes.len() == Self::LEN { read(bytes).ok_or(RowError) } else { Err(RowError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_user_share_a_hash_tag() {
        let keys = Keys::new("foregate:");
        let (id, tag) = (RecordId([7; 16]).in_slot([0x0a, 0xff]), Tag([0x0a; 16]));
        assert_eq!(keys.record(id), "foregate:{0aff}r:0aff0707070707070707070707070707");
        assert_eq!(keys.user(tag), "foregate:{0a0a}u:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
    }

    #[test]
    fn entry_has_one_form() {
        let entry = Entry {
            id: RecordId([1; 16]),
            subject: Tag([2; 16]),
            has_sid: true,
            began_at: 3,
            issued_at: u64::MAX,
        };
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        for wrong in [&bytes[1..], &[&bytes[..], &[0]].concat()] {
            assert_eq!(Entry::decode(wrong), Err(RowError));
        }
    }
}
