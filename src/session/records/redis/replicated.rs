//! Writes that survive the loss of the primary
//!
//! 1. If the server has replicas, such a write succeeds only when one of them has it (WAIT). Otherwise it fails, although
//!    the primary may have it.
//! 2. WAIT blocks its connection. So leases and ends of sessions each have one of their own, and few writes that wait at
//!    a time. A write that the server has received is executed, even if its caller no longer waits.
//! 3. The write and WAIT are one pipeline: WAIT knows only the writes of its connection.
//! 4. Each write may run twice, and then has the same result.

use std::sync::{Arc, LazyLock};

use redis::{FromRedisValue, Pipeline, Script, ScriptInvocation};
use tokio::sync::Semaphore;

use super::connection::{Call, Connection, Servers};
use super::failure::Failure;

/// How long a replica may take. It takes about a millisecond, unless it is gone and the primary does not know it yet.
const WAIT_MILLISECONDS: u64 = 500;
/// The number of writes that wait for a replica at a time. If it is gone, most of them get no answer in time, and the
/// others did not begin.
const MAX_WRITES: usize = 16;

static REPLICAS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("replicas.lua")));

/// One call of a script.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    /// The script.
    pub(super) script: &'a Script,
    /// The call.
    pub(super) call: &'a ScriptInvocation<'a>,
    /// A key of its slot.
    pub(super) key: &'a str,
}

/// A connection for such writes.
pub(super) struct Replicated {
    connection: Connection,
    permits: Semaphore,
}

impl Replicated {
    pub(super) fn new(servers: Arc<Servers>) -> Self {
        Self { connection: Connection::new(servers), permits: Semaphore::new(MAX_WRITES) }
    }

    /// Runs a write.
    pub(super) async fn run<T: FromRedisValue>(&self, write: Write<'_>) -> Result<T, Failure> {
        let replicas: i64 = self.connection.repeat(Call::Script(&REPLICAS.key(write.key))).await?;
        if replicas <= 0 {
            return Ok(self.connection.repeat(Call::Script(write.call)).await?);
        }
        let Ok(_permit) = self.permits.acquire().await else { return Err(Failure::Unreadable) };
        let pipeline = pipeline(write);
        let written = match self.connection.repeat(Call::Pipeline(&pipeline)).await {
            // The server may have become the primary a moment ago, so it does not know the script.
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.connection.load(write.script).await?;
                self.connection.repeat(Call::Pipeline(&pipeline)).await
            }
            written => written,
        };
        match written? {
            (_, 0_u64) => Err(Failure::NotReplicated),
            (result, _) => Ok(result),
        }
    }
}

fn pipeline(write: Write<'_>) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.invoke_script(write.call);
    pipeline.cmd("WAIT").arg(1).arg(WAIT_MILLISECONDS);
    pipeline
}
