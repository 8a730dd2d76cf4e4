//! Watch of a session store that is another server
//!
//! `/readyz` and the log then say that it does not answer, without a request of a user, and without waiting for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::start_error::StartError;
use super::system::System;
use crate::config::{SessionStorage, Settings};
use crate::flow::ports::{Clock, Entropy, UnixTime};
use crate::session::records::redis::{RedisProbe, Tested, Unusable};

/// The time between two tests.
const INTERVAL: Duration = Duration::from_secs(5);
/// The number of reads between two tests that also write.
const READS: u32 = 5;

/// Whether the store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreState {
    /// Not tested yet.
    Unknown,
    /// It answers.
    Answers,
    /// It does not answer, or cannot keep sessions.
    Fails {
        /// When the first test failed.
        since: UnixTime,
        /// The cause and the remedy.
        why: String,
    },
}

/// The last result of the tests.
pub(super) struct StoreWatch {
    probe: Option<RedisProbe>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    state: Mutex<StoreState>,
}

impl StoreWatch {
    /// A watch that [`Self::run`] starts. A store of this process needs none, and counts as one that answers.
    pub(super) fn new(settings: &Settings, system: &System) -> Result<Self, StartError> {
        let clock = Arc::clone(&system.clock);
        let probe = match &settings.session.storage {
            SessionStorage::Cookie | SessionStorage::File(_) => None,
            SessionStorage::Redis(redis) => {
                let probe = RedisProbe::new(redis, Arc::clone(&clock));
                Some(probe.map_err(|error| StartError::Build(format!("session.redis: {error}")))?)
            }
        };
        let state = if probe.is_some() { StoreState::Unknown } else { StoreState::Answers };
        Ok(Self { probe, clock, entropy: Arc::clone(&system.entropy), state: Mutex::new(state) })
    }

    /// Returns the last result.
    pub(super) fn state(&self) -> StoreState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tests the store again and again. Completes at once if there is nothing to test.
    pub(super) async fn run(&self) {
        let Some(probe) = &self.probe else { return };
        let (mut reads_left, mut last) = (0, Tested::default());
        loop {
            let mut random = [0; 16];
            // Without random numbers, no session begins either, and its page says so.
            if self.entropy.fill(&mut random).is_ok() {
                let result = match reads_left {
                    0 => probe.test(random).await.map(|tested| log_changes(&mut last, tested)),
                    _ => probe.read(random).await,
                };
                reads_left = match &result {
                    Ok(()) if reads_left > 0 => reads_left - 1,
                    Ok(()) => READS,
                    Err(_) => 0,
                };
                self.record(result);
            }
            sleep(INTERVAL).await;
        }
    }

    fn record(&self, result: Result<(), Unusable>) {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match (result, &*state) {
            (Ok(()), StoreState::Fails { .. }) => {
                tracing::info!("the session store can be used again");
                StoreState::Answers
            }
            (Ok(()), _) => StoreState::Answers,
            (Err(Unusable(why)), StoreState::Fails { since, why: before }) => {
                if why != *before {
                    tracing::warn!(error = %why, "the session store still cannot be used");
                }
                StoreState::Fails { since: *since, why }
            }
            (Err(Unusable(why)), _) => {
                tracing::warn!(error = %why, "the session store cannot be used; no user can sign in");
                StoreState::Fails { since: now, why }
            }
        };
    }
}

/// Logs warnings that were not there at the test before, and another number of replicas.
fn log_changes(before: &mut Tested, now: Tested) {
    for warning in now.warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
        tracing::warn!("session.redis: {warning}");
    }
    if let Some(replicas) = now.replicas.filter(|_| before.replicas != now.replicas) {
        tracing::info!(replicas, "replicas of Redis that confirm leases and ends of sessions");
    }
    *before = now;
}
