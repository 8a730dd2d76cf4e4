//! The rules of `foregate::session::records`, with real servers

use std::sync::Arc;

use foregate::flow::ports::{Clock, UnixTime};
use foregate::session::records::redis::{RedisRecords, RedisServers, Topology};
use foregate::session::records::{
    Bounds, EndedBy, Inserted, Kept, LeaseState, RecordId, Records, RecordsError, Row, Scope, Swapped, Tag,
};
use tokio::sync::OnceCell;

use self::rules::{Fixture, NOW, SID, TestClock};
use super::servers::{Cluster, Protected, Redis, Watched, WatchedWithTls, plain, settings};
use crate::harness::{Scratch, until};

#[expect(dead_code, reason = "Redis has no bound of all sessions")]
#[path = "../../support/records_contract/mod.rs"]
pub(super) mod rules;

macro_rules! form {
    ($module:ident, $servers:ty) => {
        mod $module {
            use super::*;

            static SERVERS: OnceCell<(Scratch, $servers)> = OnceCell::const_new();

            struct Shared(RedisRecords);

            impl Fixture for Shared {
                type Store = RedisRecords;
                const COUNTS: bool = false;

                async fn start(bounds: Bounds, clock: Arc<TestClock>) -> Self {
                    let start = async || {
                        let scratch = Scratch::shared(stringify!($module));
                        let servers = <$servers>::start(&scratch).await;
                        (scratch, servers)
                    };
                    let (_, servers) = SERVERS.get_or_init(start).await;
                    let settings = settings(servers.servers.clone());
                    Self(RedisRecords::new(&settings, bounds.per_user, clock).unwrap())
                }

                fn store(&self) -> &RedisRecords {
                    &self.0
                }
            }

            use super::rules as contract;
            contract::contract!(unbounded Shared);
        }
    };
}

form!(single_with_tls_and_acl, Protected);
form!(sentinel, Watched);
form!(cluster, Cluster);

pub(super) fn store_at(servers: RedisServers) -> RedisRecords {
    RedisRecords::new(&settings(servers), 1000, TestClock::new()).unwrap()
}

/// A sign-in has written the index of its `sid`, and its record comes after the end.
#[tokio::test]
async fn session_that_is_ended_while_it_begins_is_not_stored() {
    let scratch = Scratch::new();
    let redis = Redis::start("redis-own", &[], &scratch).await;
    let store = store_at(plain(Topology::Single, [redis.port()]));
    let began = Row { sid: Some(Tag([7; 16])), issued_at: NOW.0 + 50, ..rules::row(1) };
    assert_eq!(store.insert(&began, NOW).await, Ok(Inserted::Stored));
    let ended = EndedBy { arrived_at: Some(NOW), ..rules::ended(&[Tag([7; 16])], NOW) };
    assert_eq!(store.end_by(&ended).await, Ok(vec![began.id]));
    assert_eq!(store.insert(&began, NOW).await, Ok(Inserted::Ended));
    assert_eq!(store.insert(&Row { id: rules::row(2).id, ..began }, NOW).await, Ok(Inserted::Stored));
}

#[tokio::test]
async fn full_memory_refuses_new_sessions_and_keeps_the_others() {
    let scratch = Scratch::new();
    let redis = Redis::start("redis-own", &[], &scratch).await;
    let store = store_at(plain(Topology::Single, [redis.port()]));
    let limit = |bytes: u32| {
        let set = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).to_owned();
        set.exec(&mut redis.connection()).unwrap();
    };
    let row = |number| Row { sid: Some(SID), ..rules::row(number) };
    for number in 1..=3 {
        assert_eq!(store.insert(&row(number), NOW).await, Ok(Inserted::Stored));
    }
    limit(1);
    assert_eq!(store.insert(&row(4), NOW).await, Ok(Inserted::Full));
    assert_eq!(store.insert(&rules::row(4), NOW).await, Ok(Inserted::Full), "without a sid");
    assert_eq!(store.find(row(4).id).await, Ok(None));
    let next = Row { revision: 2, generation: 2, ..row(1) };
    assert_eq!(rules::swap(&store, &next).await, Ok(Swapped::Stored), "a session is refreshed");
    assert_eq!(store.remove(row(2).id).await, Ok(true), "a user signs out");
    let mut ids = store.end_by(&rules::ended(&[SID], NOW)).await.unwrap();
    ids.sort();
    assert_eq!(ids, [row(1).id, row(3).id], "the provider ends the others");
    limit(0);
    assert_eq!(store.insert(&row(4), NOW).await, Ok(Inserted::Ended));
    assert_eq!(store.insert(&rules::row(4), NOW).await, Ok(Inserted::Stored), "there is room again");
}

/// The client of a cluster sends a call again if its connection breaks, although the call may have run.
#[tokio::test]
async fn write_that_comes_twice_has_one_effect() {
    let scratch = Scratch::new();
    let redis = Redis::start("redis-own", &[], &scratch).await;
    let store = store_at(plain(Topology::Single, [redis.port()]));
    let next = Row { revision: 2, generation: 2, ..rules::row(1) };
    for _ in 0..2 {
        assert_eq!(store.insert(&rules::row(1), NOW).await, Ok(Inserted::Stored));
    }
    for _ in 0..2 {
        assert_eq!(rules::swap(&store, &next).await, Ok(Swapped::Stored));
    }
    assert_eq!(store.find(next.id).await, Ok(Some(next.clone())));
    assert_eq!(rules::swap(&store, &Row { generation: 3, ..next }).await, Ok(Swapped::Changed));
}

/// A session that would have ended is refreshed, and another sign-in of its user came first.
#[tokio::test]
async fn refreshed_session_is_in_the_index_again() {
    let scratch = Scratch::new();
    let redis = Redis::start("redis-own", &[], &scratch).await;
    let store = store_at(plain(Topology::Single, [redis.port()]));
    let first = Row { ends_at: NOW.0 + 10, ..rules::row(1) };
    assert_eq!(store.insert(&first, NOW).await, Ok(Inserted::Stored));
    assert_eq!(store.insert(&rules::row(2), UnixTime(NOW.0 + 10)).await, Ok(Inserted::Stored));
    let refreshed = Row { revision: 2, generation: 2, ends_at: NOW.0 + 100, ..first };
    assert_eq!(rules::swap(&store, &refreshed).await, Ok(Swapped::Stored));
    let rows = store.of_user(&[refreshed.subject], NOW).await.unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
}

/// One server of a cluster hangs. A failover would take the test longer, so only the others are asked.
#[tokio::test]
async fn server_of_a_cluster_that_hangs_does_not_stop_the_others() {
    let scratch = Scratch::new();
    let cluster = Cluster::start(&scratch).await;
    let connected = store_at(cluster.servers.clone());
    // The slots 0 to 5460 are those of the first server, and the hash tag of each id is its first two bytes.
    let row = |number: u8| Row {
        id: rules::row(number).id.in_slot([number; 2]),
        subject: Tag([number; 16]),
        ..rules::row(number)
    };
    let is_elsewhere = |number: &u8| cluster.slot_of(&format!("{{{number:02x}{number:02x}}}")) > 5460;
    let (first, second) = {
        let mut numbers = (1..=255).filter(is_elsewhere);
        (row(numbers.next().unwrap()), row(numbers.next().unwrap()))
    };
    assert_eq!(connected.insert(&first, NOW).await, Ok(Inserted::Stored));
    let here = row((1..=255).find(|number| !is_elsewhere(number)).unwrap());
    cluster.freeze_first();
    assert!(connected.find(here.id).await.is_err());
    assert_eq!(connected.find(first.id).await, Ok(Some(first.clone())), "over the open connection");
    let new = store_at(cluster.servers.clone());
    assert_eq!(new.insert(&second, NOW).await, Ok(Inserted::Stored), "over a new connection");
}

/// The configuration file is the documented one.
#[tokio::test]
async fn restart_of_redis_keeps_sessions_and_revives_none() {
    let scratch = Scratch::new();
    let mut server = Protected::start(&scratch).await;
    let store = store_at(server.servers.clone());
    for number in 1..=3 {
        assert_eq!(store.insert(&rules::row(number), NOW).await, Ok(Inserted::Stored));
    }
    let next = Row { revision: 2, generation: 2, ..rules::row(1) };
    assert_eq!(rules::swap(&store, &next).await, Ok(Swapped::Stored));
    assert_eq!(store.remove(rules::row(2).id).await, Ok(true));
    server.restart(&scratch).await;
    assert_eq!(store.insert(&rules::row(4), NOW).await, Ok(Inserted::Stored), "over a new connection");
    assert_eq!(store.find(next.id).await, Ok(Some(next.clone())));
    assert_eq!(store.find(rules::row(2).id).await, Ok(None));
    assert_eq!(store.of_user(&[next.subject], NOW).await.unwrap().len(), 3);
}

#[tokio::test]
async fn sentinel_and_server_with_tls_are_used() {
    let scratch = Scratch::new();
    let watched = WatchedWithTls::start(&scratch).await;
    let store = store_at(watched.servers.clone());
    assert_eq!(store.insert(&rules::row(1), NOW).await, Ok(Inserted::Stored));
    assert_eq!(store.find(rules::row(1).id).await, Ok(Some(rules::row(1))));
}

#[tokio::test]
async fn cluster_that_was_down_is_used_again() {
    let scratch = Scratch::new();
    let mut cluster = Cluster::start(&scratch).await;
    let store = store_at(cluster.servers.clone());
    assert_eq!(store.insert(&rules::row(1), NOW).await, Ok(Inserted::Stored));
    cluster.kill();
    for _ in 0..3 {
        assert!(store.find(rules::row(1).id).await.is_err());
    }
    cluster.restart(&scratch).await;
    let is_found = async || store.find(rules::row(1).id).await == Ok(Some(rules::row(1)));
    until("the cluster is used again", is_found).await;
    assert_eq!(store.insert(&rules::row(2), NOW).await, Ok(Inserted::Stored));
}
