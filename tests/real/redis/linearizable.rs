//! Linearizability of the replicated operations while the primary fails
//!
//! 1. Gateways use one set of records: they write, read and remove. Their histories are checked (`history`).
//! 2. The primary is killed meanwhile, the sentinel makes the replica the primary, and the old one comes back as its
//!    replica.
//! 3. As a control, writes that are not replicated are lost by a failover, and the check finds that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use foregate::flow::ports::Clock;
use foregate::server::SystemClock;
use foregate::session::records::redis::{RedisRecords, RedisSettings, Topology};
use foregate::session::records::{Inserted, Kept, LeaseState, RecordId, Records, Row, Swapped, Tag};
use redis::cmd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::history::{Answer, History, value_of};
use super::servers::{Redis, Watched, plain, settings};
use crate::harness::{Scratch, until};

const GATEWAYS: usize = 4;
/// The records. All except the first are removed: before, during and after the failover.
const RECORDS: usize = 4;
/// The number of operations that each part of the history has at least.
const PART: usize = 60;
/// The pause of a gateway between two operations, so that the history is not too long to check.
const PAUSE: Duration = Duration::from_millis(5);

fn store(settings: &RedisSettings) -> RedisRecords {
    RedisRecords::new(settings, 1000, Arc::new(SystemClock)).unwrap()
}

/// What all gateways share.
#[derive(Default)]
struct Run {
    histories: [History; RECORDS],
    /// The value of the next write.
    next_value: AtomicU64,
    done: AtomicUsize,
    unknown: AtomicUsize,
    refused: AtomicUsize,
    ends: AtomicBool,
}

impl Run {
    fn count(&self, answer: Answer) {
        let counter = match answer {
            Answer::Done => &self.done,
            Answer::Refused => &self.refused,
            Answer::Unknown => &self.unknown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Uses one record after the other, as a gateway with a connection of its own.
    async fn use_records(self: Arc<Self>, store: RedisRecords, firsts: [Row; RECORDS]) {
        let mut latest = firsts;
        for turn in 0.. {
            if self.ends.load(Ordering::Relaxed) {
                return;
            }
            sleep(PAUSE).await;
            let record = turn % RECORDS;
            match store.find(latest[record].id).await {
                Ok(Some(found)) => latest[record] = found,
                // A late write of a record that was removed must fail.
                Ok(None) => {}
                Err(_) => continue,
            }
            let (row, history) = (&latest[record], &self.histories[record]);
            let answer = if turn % 3 == 0 {
                history.read(&store, row).await
            } else {
                let value = self.next_value.fetch_add(1, Ordering::Relaxed);
                history.write(&store, row, value, Kept::Replicated).await
            };
            self.count(answer);
        }
    }

    /// Removes a record, and tries again while that fails.
    async fn remove(&self, store: &RedisRecords, record: usize, row: &Row) {
        let is_removed = async || {
            let answer = self.histories[record].remove(store, row).await;
            self.count(answer);
            answer == Answer::Done
        };
        until("the record was removed", is_removed).await;
    }

    /// Waits for more operations that are done.
    async fn wait_for_part(&self) {
        let until_number = self.done.load(Ordering::Relaxed) + PART;
        until("the gateways went on", async || self.done.load(Ordering::Relaxed) >= until_number).await;
    }
}

fn row(number: u8) -> Row {
    let now = SystemClock.now();
    Row {
        id: RecordId([number; 16]).in_slot([0; 2]),
        revision: 1,
        generation: 1,
        lease: LeaseState::Available,
        subject: Tag([0; 16]),
        sid: None,
        began_at: now.0,
        issued_at: now.0,
        active_at: now.0,
        ends_at: now.0 + 3600,
        sealed: 0_u64.to_be_bytes().as_slice().into(),
        summary: [].into(),
    }
}

/// Stores rows, and waits until a replica has them.
async fn insert<const N: usize>(store: &RedisRecords, numbers: [u8; N]) -> [Row; N] {
    let mut rows = numbers.map(row);
    for row in &mut rows {
        assert_eq!(store.insert(row, SystemClock.now()).await, Ok(Inserted::Stored));
        row.revision = 2;
        assert_eq!(
            store.compare_and_swap(row.revision - 1, row, Kept::Replicated).await,
            Ok(Swapped::Stored)
        );
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn replicated_operations_are_linearizable_over_a_failover() {
    let scratch = Scratch::new();
    let mut watched = Watched::start(&scratch).await;
    let settings = settings(watched.servers.clone());
    let remover = store(&settings);
    let rows = insert(&remover, [1, 2, 3, 4]).await;
    let run = Arc::new(Run { next_value: AtomicU64::new(1), ..Run::default() });
    let gateways: Vec<_> = (0..GATEWAYS)
        .map(|_| tokio::spawn(Arc::clone(&run).use_records(store(&settings), rows.clone())))
        .collect();

    run.wait_for_part().await;
    run.remove(&remover, 1, &rows[1]).await;
    run.wait_for_part().await;
    watched.primary.kill();
    run.remove(&remover, 2, &rows[2]).await;
    until("the replica is the primary", async || watched.replica.is_primary()).await;
    watched.primary.start_again_as_replica_of(&watched.replica, &scratch).await;
    watched.replica.wait_for_replica().await;
    run.wait_for_part().await;
    run.remove(&remover, 3, &rows[3]).await;
    run.wait_for_part().await;
    run.ends.store(true, Ordering::Relaxed);
    for gateway in gateways {
        gateway.await.unwrap();
    }

    for (history, row) in run.histories.iter().zip(&rows) {
        history.check(row).unwrap_or_else(|stuck| panic!("{stuck}"));
    }
    let [refused, unknown] = [&run.refused, &run.unknown].map(|counter| counter.load(Ordering::Relaxed));
    assert!(refused > 0 && unknown > 0, "{refused} refused, {unknown} without an answer");
    assert!(remover.find(rows[0].id).await.unwrap().is_some_and(|row| value_of(&row) > 0));
}

/// A link from a replica to its primary that can be cut without either noticing: no byte reaches the replica any more.
struct Link {
    port: u16,
    is_cut: Arc<AtomicBool>,
}

impl Link {
    async fn to(primary: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, is_cut) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let cut = Arc::clone(&is_cut);
        tokio::spawn(async move {
            while let Ok((replica, _)) = listener.accept().await {
                let primary = TcpStream::connect(("127.0.0.1", primary)).await?;
                tokio::spawn(pass_on(replica, primary, Arc::clone(&cut)));
            }
            std::io::Result::Ok(())
        });
        Self { port, is_cut }
    }
}

async fn pass_on(replica: TcpStream, primary: TcpStream, is_cut: Arc<AtomicBool>) -> std::io::Result<()> {
    let ((mut from_replica, mut to_replica), (mut from_primary, mut to_primary)) =
        (replica.into_split(), primary.into_split());
    let answers = tokio::spawn(async move { copy(&mut from_replica, &mut to_primary).await });
    let mut buffer = vec![0; 65_536];
    loop {
        let length = from_primary.read(&mut buffer).await?;
        if length == 0 {
            answers.abort();
            return Ok(());
        }
        if !is_cut.load(Ordering::SeqCst) {
            to_replica.write_all(&buffer[..length]).await?;
        }
    }
}

/// Writes while the replica lags, then loses the primary. Returns the answer to the write, and the check of the history.
async fn lose_primary_after_write(kept: Kept) -> (Answer, Result<(), String>) {
    let scratch = Scratch::new();
    let mut primary = Redis::start("redis-primary", &[], &scratch).await;
    let link = Link::to(primary.port()).await;
    let of = format!("127.0.0.1 {}", link.port);
    let replica = Redis::start("redis-replica", &["--replicaof", &of], &scratch).await;
    primary.wait_for_replica().await;
    let settings = settings(plain(Topology::Single, [primary.port()]));
    let before = store(&settings);
    let [first] = insert(&before, [1]).await;

    let history = History::default();
    link.is_cut.store(true, Ordering::SeqCst);
    let answer = history.write(&before, &first, 1, kept).await;
    primary.kill();
    cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut replica.connection()).unwrap();
    let servers = plain(Topology::Single, [replica.port()]);
    let after = store(&RedisSettings { servers, ..settings });
    let found = after.find(first.id).await.unwrap().unwrap();
    assert_eq!((found.revision, history.read(&after, &found).await), (first.revision, Answer::Done));
    (answer, history.check(&first))
}

#[tokio::test(flavor = "multi_thread")]
async fn write_that_is_not_replicated_is_acknowledged_and_lost() {
    let (answer, checked) = lose_primary_after_write(Kept::Once).await;
    assert_eq!(answer, Answer::Done);
    assert!(checked.is_err(), "the check found no lost write");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicated_write_without_a_replica_is_not_acknowledged() {
    assert_eq!(lose_primary_after_write(Kept::Replicated).await, (Answer::Unknown, Ok(())));
}
