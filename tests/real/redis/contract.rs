//! The rules of `foregate::session::records`, with real servers

use std::sync::Arc;

use foregate::flow::ports::{Clock, UnixTime};
use foregate::session::records::redis::{RedisRecords, RedisSettings};
use foregate::session::records::{
    Bounds, EndedBy, Inserted, LeaseState, RecordId, Records, Row, Scope, Swapped, Tag,
};
use tokio::sync::OnceCell;

use self::rules::{Fixture, TestClock};
use super::servers::{Cluster, Protected, Watched, settings};
use crate::harness::Scratch;

#[expect(dead_code, reason = "Redis has no bound of all sessions")]
#[path = "../../support/records_contract/mod.rs"]
mod rules;

fn open(settings: RedisSettings, bounds: Bounds, clock: Arc<TestClock>) -> RedisRecords {
    RedisRecords::new(&RedisSettings { per_user: bounds.per_user, ..settings }, clock).unwrap()
}

macro_rules! form {
    ($module:ident, $servers:ty) => {
        mod $module {
            use super::*;

            static SERVERS: OnceCell<(Scratch, $servers)> = OnceCell::const_new();

            struct Shared(RedisRecords);

            impl Fixture for Shared {
                type Store = RedisRecords;

                async fn start(bounds: Bounds, clock: Arc<TestClock>) -> Self {
                    let start = async || {
                        let scratch = Scratch::shared(stringify!($module));
                        let servers = <$servers>::start(&scratch).await;
                        (scratch, servers)
                    };
                    let (_, servers) = SERVERS.get_or_init(start).await;
                    Self(open(settings(servers.servers.clone()), bounds, clock))
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
