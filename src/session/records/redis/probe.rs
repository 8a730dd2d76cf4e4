//! Test of Redis with sessions of its own
//!
//! It runs every command that sessions need, with two records that no ticket names. All of its keys are deleted, and
//! expire if that fails.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};
use thiserror::Error;
use tokio::time::timeout;

use super::connection::{Call, late};
use super::diagnosis::explain;
use super::failure::{Failure, OUT_OF_MEMORY};
use super::information::Information;
use super::{MAX_WAIT, RedisRecords, RedisSettings};
use crate::flow::ports::{Clock, UnixTime};
use crate::session::records::{
    EndedBy, Inserted, Kept, LeaseState, RecordId, RecordsError, Row, Scope, Swapped, Tag,
};

/// The time after which what a test has stored expires.
const LIFE: Duration = Duration::from_mins(1);

/// A connection that tests Redis. It is not that of the sessions.
pub struct RedisProbe {
    records: RedisRecords,
    settings: RedisSettings,
}

/// What a test has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// The name and the version of the server, if the user may read them.
    pub version: Option<String>,
    /// The number of replicas that confirm writes, if the user may read it.
    pub replicas: Option<usize>,
    /// What to change, although sessions can be stored.
    pub warnings: Vec<String>,
}

/// Why sessions cannot be stored, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl RedisProbe {
    /// A probe that the first test connects. Fails if the settings cannot be used.
    pub fn new(settings: &RedisSettings, clock: Arc<dyn Clock>) -> Result<Self, RecordsError> {
        let records = RedisRecords::new(settings, 2, clock)?;
        Ok(Self { records, settings: settings.clone() })
    }

    /// Reads a record that does not exist. Takes at most 5 seconds.
    pub async fn read(&self, random: [u8; 16]) -> Result<(), Unusable> {
        self.bounded(async { self.records.find_row(RecordId(random)).await.map(drop) }).await
    }

    /// Stores, changes and ends sessions with these random names. Takes at most 15 seconds, 5 for each part.
    pub async fn test(&self, random: [u8; 16]) -> Result<Tested, Unusable> {
        let information = self.bounded(self.information()).await?;
        if let Some(cause) = information.obstacle(&self.settings) {
            return Err(Unusable(cause));
        }
        self.bounded(self.keep_sessions(random)).await?;
        let mut warnings = information.warnings();
        warnings.extend(self.subscribe().await.err());
        Ok(Tested { version: information.version(), replicas: information.replicas(), warnings })
    }

    async fn bounded<T>(&self, test: impl Future<Output = Result<T, Failure>>) -> Result<T, Unusable> {
        // On the heap, because the tests together are large.
        let result = timeout(MAX_WAIT, Box::pin(test)).await.unwrap_or_else(|_| Err(late("the test").into()));
        result.map_err(|failure| match failure {
            Failure::Redis(error) if error.code() == Some(OUT_OF_MEMORY) => Unusable(FULL.to_owned()),
            Failure::Redis(error) => Unusable(explain(&error, &self.settings)),
            Failure::Unreadable => Unusable(OTHER_RESULT.to_owned()),
            Failure::NotReplicated => Unusable(Failure::NotReplicated.to_string()),
        })
    }

    async fn information(&self) -> Result<Information, Failure> {
        let command = redis::cmd("INFO");
        let value: Value = match self.records.connection.repeat(Call::Command(&command)).await {
            Ok(value) => value,
            Err(error) if error.code() == Some("NOPERM") => return Ok(Information::default()),
            Err(error) => return Err(error.into()),
        };
        // A cluster returns the text of each server.
        let values = match value {
            Value::Map(servers) => servers.into_iter().map(|(_, value)| value).collect(),
            value => vec![value],
        };
        let texts = values.into_iter().filter_map(|value| String::from_redis_value(value).ok());
        Ok(Information { servers: texts.collect() })
    }

    /// Returns a warning if the changes of other gateways cannot be followed.
    async fn subscribe(&self) -> Result<(), String> {
        let subscribed = async {
            let mut subscriber = self.records.connection.servers.subscriber().await?;
            Ok(subscriber.subscribe(self.records.keys.channel()).await?)
        };
        let explained = |Unusable(why)| {
            format!(
                "changes of other gateways cannot be followed, so each sees them up to 2 seconds later: {why}"
            )
        };
        self.bounded(subscribed).await.map_err(explained)
    }

    async fn keep_sessions(&self, random: [u8; 16]) -> Result<(), Failure> {
        let (records, now) = (&self.records, self.records.clock.now());
        let row = row(random, now);
        let other = Row { id: RecordId(random.map(|byte| !byte)).in_slot(row.subject.slot()), ..row.clone() };
        let result = async {
            expect(records.insert_row(&row, now).await? == Inserted::Stored)?;
            expect(records.find_row(row.id).await?.as_ref() == Some(&row))?;
            let next = Row { revision: 2, ..row.clone() };
            expect(records.swap_row(row.revision, &next, Kept::Replicated).await? == Swapped::Stored)?;
            expect(records.rows_of(row.subject, now).await? == [next])?;
            expect(records.remove_row(row.id).await?)?;
            expect(records.insert_row(&other, now).await? == Inserted::Stored)?;
            let ended = EndedBy {
                tags: vec![row.subject],
                scope: Scope::Every,
                arrived_at: Some(now),
                issued_at: now,
                refused_until: now,
            };
            expect(records.end_tags(&ended).await? == [other.id])
        };
        let result = result.await;
        self.delete_keys(&row, &other).await;
        result
    }

    /// Deletes what the test may have left. What cannot be deleted expires.
    async fn delete_keys(&self, row: &Row, other: &Row) {
        let keys = &self.records.keys;
        let of_user = [row.id, other.id].map(|id| [keys.record(id), keys.tombstone(id)]);
        let of_user = of_user.into_iter().flatten().chain([keys.user(row.subject), keys.mark(row.subject)]);
        let mut deletions = vec![redis::cmd("DEL").arg(of_user.collect::<Vec<_>>()).to_owned()];
        deletions.extend(row.sid.map(|sid| redis::cmd("DEL").arg(keys.sid(sid)).to_owned()));
        for deletion in deletions {
            let _deleted: Result<u8, _> = self.records.connection.run(Call::Command(&deletion)).await;
        }
    }
}

const FULL: &str = "the memory of Redis is full, so no session can begin; raise maxmemory";
const OTHER_RESULT: &str = "what Redis returns is not what was stored; another program changes the keys, or it is not \
                            compatible with Redis 7";

fn expect(is_as_expected: bool) -> Result<(), Failure> {
    if is_as_expected { Ok(()) } else { Err(Failure::Unreadable) }
}

/// Returns a session of a user that does not exist.
fn row(random: [u8; 16], now: UnixTime) -> Row {
    Row {
        id: RecordId(random),
        revision: 1,
        generation: 1,
        lease: LeaseState::Available,
        subject: Tag(random),
        sid: Some(Tag(random.map(|byte| !byte))),
        began_at: now.0,
        issued_at: now.0,
        active_at: now.0,
        ends_at: now.plus(LIFE).0,
        summary: [0; 16].into(),
        sealed: [0; 16].into(),
    }
}
