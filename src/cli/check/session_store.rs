//! The session store in the report of `foregate check`
//!
//! The number of gateways and the size of sessions are not in the configuration. So the text has the rules, and the signs
//! by which an operator notices that another store is needed.

use std::fmt::Write;
use std::sync::Arc;

use crate::config::{SessionStorage, Settings};
use crate::flow::ports::Entropy;
use crate::server::{SystemClock, SystemEntropy};
use crate::session::records::redis::{RedisProbe, RedisSettings, Tested};

/// Returns what the configured store means, and when another one is needed.
pub(super) fn describe(settings: &Settings) -> String {
    match &settings.session.storage {
        SessionStorage::Cookie => {
            let reason = match settings.upstream {
                Some(_) => "",
                None => OR_DROPPED,
            };
            format!("{COOKIE}{reason}.\n")
        }
        SessionStorage::File(path) => {
            format!("session.store = \"file\": sessions are in {}.\n{FILE}", path.display())
        }
        SessionStorage::Redis(redis) => {
            format!("session.store = \"redis\": sessions are in Redis, at {}.\n{REDIS}", redis.servers)
        }
    }
}

const COOKIE: &str = "session.store = \"cookie\": a session is in up to four cookies of its browser.
  Run one process. Several need \"redis\", because they would end each other's sessions.
  A restart keeps sessions. Some then need one redirect through the provider, and ended ones may go on.
  Use \"file\" or \"redis\" if sign-ins are refused because the session is too large";
const OR_DROPPED: &str = ", or if your proxy drops
  Set-Cookie: the metric foregate_rotation_not_delivered_total is then above 0";
const FILE: &str = "  Run one process, because a second one cannot open the file. Several need \"redis\".
  A restart keeps all sessions, if the file is on a disk that outlives the process.
";
const REDIS: &str = "  Several gateways may use it, with the same session.keys, provider.issuer, provider.client_id and public.urls.
  A restart of a gateway keeps all sessions. If Redis loses its data, users sign in again.
";

/// What the test of the store adds to the report.
#[derive(Default)]
pub(super) struct StoreReport {
    pub(super) text: String,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

impl StoreReport {
    fn of_error(error: &impl std::fmt::Display) -> Self {
        Self { text: format!("error: session.redis: {error}\n"), errors: 1, warnings: 0 }
    }
}

/// Tests Redis, if sessions are there. The file is not opened, because a running gateway has it.
pub(super) async fn test(settings: &Settings) -> Result<StoreReport, Box<dyn std::error::Error>> {
    match &settings.session.storage {
        SessionStorage::Cookie | SessionStorage::File(_) => Ok(StoreReport::default()),
        SessionStorage::Redis(redis) => test_redis(redis).await,
    }
}

async fn test_redis(redis: &RedisSettings) -> Result<StoreReport, Box<dyn std::error::Error>> {
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random)?;
    let probe = match RedisProbe::new(redis, Arc::new(SystemClock)) {
        Ok(probe) => probe,
        Err(error) => return Ok(StoreReport::of_error(&error)),
    };
    let Tested { version, replicas, warnings } = match probe.test(random).await {
        Ok(tested) => tested,
        Err(unusable) => return Ok(StoreReport::of_error(&unusable)),
    };
    let mut text = String::new();
    for warning in &warnings {
        writeln!(text, "warning: session.redis: {warning}")?;
    }
    let server = version.as_deref().unwrap_or("Redis");
    writeln!(text, "{server} at {} stored, changed and ended a test session.", redis.servers)?;
    if let Some(number) = replicas {
        let loss = if number == 0 { ": if this server is lost, so are the sessions" } else { "" };
        writeln!(text, "Replicas that have the sessions: {number}{loss}.")?;
    }
    Ok(StoreReport { text, errors: 0, warnings: warnings.len() })
}
