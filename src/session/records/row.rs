//! The record of one session
//!
//! In a store of tower-sessions, the member `foregate` of the data holds the whole row as base64url.

use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use time::OffsetDateTime;
use tower_sessions_core::session::{Id, Record};

use super::lease::LeaseState;
use crate::flow::ports::UnixTime;

/// The id of a record: the slot of its user, and the HMAC of its ticket, 128 bits together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordId(pub [u8; 16]);

/// The HMAC of a `sub` or `sid`, truncated to 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag(pub [u8; 16]);

/// A session as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: RecordId,
    /// Identifies this write. Each write adds a random number, because a failover may lose a write: the next one must not
    /// get its revision.
    pub revision: u64,
    /// The number of its sign-in and refreshes.
    pub generation: u64,
    /// Who may refresh it.
    pub lease: LeaseState,
    /// The tag of the user.
    pub subject: Tag,
    /// The tag of the provider's session, if it has an id.
    pub sid: Option<Tag>,
    /// When the session began, by our clock, in seconds since 1970.
    pub began_at: u64,
    /// `iat` of the ID token of the sign-in, by the provider's clock, in seconds since 1970.
    pub issued_at: u64,
    /// When the user was last active, in seconds since 1970.
    pub active_at: u64,
    /// When the session ends, in seconds since 1970.
    pub ends_at: u64,
    /// The session, sealed under its ticket and the server key.
    #[serde(with = "whole")]
    pub sealed: Arc<[u8]>,
    /// What the list of the user's sessions shows, sealed under the server key alone.
    #[serde(with = "whole")]
    pub summary: Arc<[u8]>,
}

/// Bytes that are copied at once. Those of a sequence would be copied one by one.
mod whole {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Arc::from)
    }
}

/// A record that no gateway of this version wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the record cannot be read")]
pub struct RowError;

/// The member of a record of tower-sessions that holds the row.
const MEMBER: &str = "foregate";
/// Changes with every change of the row.
const VERSION: u8 = 3;

impl Row {
    /// Returns the row as bytes.
    pub fn encode(&self) -> Result<Vec<u8>, RowError> {
        postcard::to_extend(self, vec![VERSION]).map_err(|_| RowError)
    }

    /// Reads the bytes in a store. A row that a version before this one wrote counts as none, so its user signs in again.
    pub fn from_store(bytes: &[u8]) -> Result<Option<Self>, RowError> {
        match bytes.first() {
            Some(version) if *version < VERSION => Ok(None),
            _ => Self::decode(bytes).map(Some),
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let (version, bytes) = bytes.split_first().ok_or(RowError)?;
        let (row, rest) = postcard::take_from_bytes(bytes).map_err(|_| RowError)?;
        if *version == VERSION && rest.is_empty() { Ok(row) } else { Err(RowError) }
    }

    /// Returns the row for a store of tower-sessions.
    pub fn to_record(&self) -> Result<Record, RowError> {
        let text = URL_SAFE_NO_PAD.encode_to_string(self.encode()?);
        Ok(Record {
            id: self.id.to_tower(),
            data: [(MEMBER.to_owned(), Value::String(text))].into(),
            expiry_date: date(self.ends_at)?,
        })
    }

    /// Reads the row from a record of tower-sessions.
    pub fn from_record(record: &Record) -> Result<Self, RowError> {
        let text = record.data.get(MEMBER).and_then(Value::as_str).ok_or(RowError)?;
        let row = Self::decode(&URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| RowError)?)?;
        if row.id.to_tower() == record.id { Ok(row) } else { Err(RowError) }
    }

    /// Returns the tags by which a logout token can name the session.
    pub fn tags(&self) -> impl Iterator<Item = Tag> + use<> {
        [self.subject].into_iter().chain(self.sid)
    }

    /// Returns whether the session was ended, and only the removal of the row failed.
    pub fn was_ended(&self) -> bool {
        self.ends_at == 0
    }

    /// Returns whether the session has ended by time.
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.ends_at <= now.0
    }
}

impl Tag {
    /// Returns the slot of the tag.
    pub fn slot(self) -> [u8; 2] {
        slot(self.0)
    }
}

fn slot([high, low, ..]: [u8; 16]) -> [u8; 2] {
    [high, low]
}

fn date(seconds: u64) -> Result<OffsetDateTime, RowError> {
    let seconds = i64::try_from(seconds).map_err(|_| RowError)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| RowError)
}

impl RecordId {
    /// Returns the slot of the user whose session it is. What a store knows of one user has the same slot, so that a
    /// store of many servers can keep it together.
    pub fn slot(self) -> [u8; 2] {
        slot(self.0)
    }

    /// Returns the id in a slot.
    #[must_use]
    pub fn in_slot(self, [high, low]: [u8; 2]) -> Self {
        let mut id = self.0;
        let [first, second, ..] = &mut id;
        (*first, *second) = (high, low);
        Self(id)
    }

    /// Returns the id in tower-sessions.
    pub fn to_tower(self) -> Id {
        Id(i128::from_be_bytes(self.0))
    }

    /// Returns the id of a record in tower-sessions.
    pub fn from_tower(id: Id) -> Self {
        Self(id.0.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lease::Holder;
    use super::*;

    fn row() -> Row {
        Row {
            id: RecordId([0xf0; 16]),
            revision: 3,
            generation: 2,
            lease: LeaseState::Held { by: Holder { process: 9, fence: 7 }, until: 100 },
            subject: Tag([1; 16]),
            sid: Some(Tag([2; 16])),
            began_at: 11,
            issued_at: 10,
            active_at: 20,
            ends_at: 1_800_000_000,
            sealed: vec![1, 2, 3].into(),
            summary: vec![4, 5].into(),
        }
    }

    #[test]
    fn row_survives_a_store_of_tower_sessions() {
        let record = row().to_record().unwrap();
        assert_eq!(record.expiry_date.unix_timestamp(), 1_800_000_000);
        assert_eq!(Row::from_record(&record), Ok(row()));
        assert_eq!(RecordId::from_tower(record.id), row().id);
    }

    #[test]
    fn record_of_another_writer_is_rejected() {
        let bytes = row().encode().unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(Row::decode(&bytes[..cut]), Err(RowError), "{cut}");
        }
        assert_eq!(Row::decode(&[&bytes[..], &[0]].concat()), Err(RowError));
        for (version, stored) in
            [(VERSION - 1, Ok(None)), (VERSION, Ok(Some(row()))), (VERSION + 1, Err(RowError))]
        {
            let other = [&[version], &bytes[1..]].concat();
            assert_eq!((Row::from_store(&other), Row::decode(&other).is_ok()), (stored, version == VERSION));
        }
        let mut moved = row().to_record().unwrap();
        moved.id = RecordId([7; 16]).to_tower();
        assert_eq!(Row::from_record(&moved), Err(RowError), "a row that was copied to another id");
    }
}
