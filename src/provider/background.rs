//! How does what we know about the provider stay fresh?
//!
//! 1. What was loaded last stays in use until something newer is loaded: an outage takes nothing away.
//! 2. While loading fails it is tried again after 0.5 to 30 seconds, growing and jittered, so that many gateways do not
//!    fall upon a provider that has just come back.
//! 3. A token with an unknown key makes us look for new keys: one look at a time, and one in 30 seconds, so that no
//!    token can make us flood the provider. Tokens of the token endpoint and tokens that anybody can send us have a look
//!    each, so that no stranger keeps us from the keys that a sign-in needs.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::Provider;
use super::http::Stopwatch;
use super::keys::{KeySet, KeysError};
use super::known::{Known, LastLook};
use super::metadata::{Metadata, MetadataError};
use crate::flow::audit::{CallOutcome, ProviderCall};

const REFRESH_AFTER: Duration = Duration::from_mins(10);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(30);
const LOOK_APART_SECONDS: u64 = 30;

#[derive(Debug, Error)]
enum LoadError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl Provider {
    /// Loads metadata and keys and keeps them fresh; never ends. Dropping it at any moment does no harm.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let pause = match self.load().await {
                Ok(known) => {
                    self.known.store(Some(Arc::new(known)));
                    if failures > 0 {
                        info!(issuer = %self.settings.issuer, "the OpenID Provider can be used again");
                    }
                    failures = 0;
                    REFRESH_AFTER
                }
                Err(error) => {
                    self.failed(&error, failures == 0);
                    failures += 1;
                    retry_after(failures, RandomState::new().hash_one(failures))
                }
            };
            sleep(pause).await;
        }
    }

    fn failed(&self, error: &LoadError, first: bool) {
        self.trouble.store(Arc::new(error.to_string()));
        if first {
            let still_used = self.known.load().is_some();
            warn!(%error, still_used, "the OpenID Provider cannot be loaded; it is tried again, silently until it works");
        } else {
            debug!(%error, "the OpenID Provider still cannot be loaded");
        }
    }

    async fn load(&self) -> Result<Known, LoadError> {
        let metadata = Arc::new(self.load_metadata().await?);
        Ok(Known { keys: self.load_keys(&metadata).await?, metadata })
    }

    async fn load_metadata(&self) -> Result<Metadata, MetadataError> {
        if !self.settings.discovery {
            return Metadata::configured(&self.settings);
        }
        let metadata = Metadata::load(&self.documents, &self.settings);
        self.watched(ProviderCall::Discovery, metadata, |_| false).await
    }

    async fn load_keys(&self, metadata: &Metadata) -> Result<KeySet, KeysError> {
        let keys = KeySet::load(&self.documents, &metadata.jwks_uri);
        self.watched(ProviderCall::Keys, keys, |_| false).await
    }

    /// Looks for keys that are newer than those `seen`, where `last_look` lets it, or gives what there is.
    pub(super) async fn look_for_new_keys(&self, seen: &Arc<Known>, last_look: &LastLook) -> Arc<Known> {
        // Held across the call on purpose: who waits here wants what that call brings, and it ends in time.
        let mut last_look = last_look.lock().await;
        let current = self.known.load_full().unwrap_or_else(|| Arc::clone(seen));
        let now = self.clock.now();
        // The distance, so that a clock that was set back does not stop us from looking.
        let looked = last_look.is_some_and(|last| now.0.abs_diff(last.0) < LOOK_APART_SECONDS);
        if looked || !Arc::ptr_eq(&current, seen) {
            return current;
        }
        *last_look = Some(now);
        match self.load_keys(&current.metadata).await {
            Ok(keys) => {
                let fresh = Arc::new(Known { metadata: Arc::clone(&current.metadata), keys });
                self.known.store(Some(Arc::clone(&fresh)));
                fresh
            }
            Err(error) => {
                debug!(%error, "no new keys could be loaded");
                current
            }
        }
    }

    /// Tells the audit how a call ended.
    pub(super) async fn watched<T, E>(
        &self,
        call: ProviderCall,
        work: impl Future<Output = Result<T, E>>,
        is_refusal: impl FnOnce(&E) -> bool,
    ) -> Result<T, E> {
        let stopwatch = Stopwatch::start();
        let result = work.await;
        let outcome = match &result {
            Ok(_) => CallOutcome::Answered,
            Err(error) if is_refusal(error) => CallOutcome::Refused,
            Err(_) => CallOutcome::Failed,
        };
        self.audit.provider_call(call, outcome, stopwatch.elapsed());
        result
    }
}

/// How long to wait after so many failures: half of it is certain, half is jitter.
fn retry_after(failures: u32, jitter: u64) -> Duration {
    let longest = FIRST_RETRY.saturating_mul(1 << (failures - 1).min(10)).min(MAX_RETRY);
    let half = longest / 2;
    half + Duration::from_millis(jitter % u64::try_from(half.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
