//! Writes that survive the loss of the primary
//!
//! 1. If the server has replicas, such a write succeeds only when one of them has it (WAIT). Otherwise it fails, although
//!    the primary may have it.
//! 2. WAIT blocks its connection, so these writes have one of their own.
//! 3. The write and WAIT are one pipeline: WAIT knows only the writes of its connection.

use std::sync::LazyLock;

use redis::{FromRedisValue, Pipeline, Script, ScriptInvocation};

use super::RedisRecords;
use super::connection::{Call, is_lost};
use super::failure::Failure;

/// How long a replica may take. It takes about a millisecond, unless it is gone and the primary does not know it yet.
const WAIT_MILLISECONDS: u64 = 500;

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

impl RedisRecords {
    /// Runs a write. It does not run again after a connection error, because it may have run.
    pub(super) async fn replicate<T: FromRedisValue>(&self, write: Write<'_>) -> Result<T, Failure> {
        // A connection that broke while it was idle is replaced here, because the write itself may not run twice.
        let replicas: i64 = self.replicated.repeat(Call::Script(&REPLICAS.key(write.key))).await?;
        if replicas <= 0 {
            return Ok(self.replicated.run(Call::Script(write.call)).await?);
        }
        let (result, replicas): (T, u64) = self.replicated.run(Call::Pipeline(&pipeline(write))).await?;
        if replicas == 0 {
            return Err(Failure::NotReplicated);
        }
        Ok(result)
    }

    /// Runs a write that may run twice.
    pub(super) async fn replicate_again<T: FromRedisValue>(&self, write: Write<'_>) -> Result<T, Failure> {
        match self.replicate(write).await {
            Err(Failure::Redis(error)) if is_lost(&error) => self.replicate(write).await,
            result => result,
        }
    }
}

fn pipeline(write: Write<'_>) -> Pipeline {
    let mut pipeline = redis::pipe();
    // The server may have become the primary a moment ago, so it may not know the script.
    pipeline.load_script(write.script).ignore().invoke_script(write.call);
    pipeline.cmd("WAIT").arg(1).arg(WAIT_MILLISECONDS);
    pipeline
}
