//! Loading of provider metadata and signing keys
//!
//! 1. The last loaded metadata and keys stay in use until newer ones are loaded. An outage does not remove them.
//! 2. A failed load is retried after 0.5 to 30 seconds. The delay grows and is jittered, so that many gateways do not
//!    call a recovered provider at the same moment.
//! 3. A call that is not answered causes a load after one second. So the gateway notices when the provider is back.
//! 4. A token with an unknown key or algorithm causes a fetch of metadata and keys. Fetches run one at a time and at
//!    most once in 30 seconds, so that tokens cannot make the gateway flood the provider. Tokens from the token endpoint and tokens
//!    that any client can send have separate limits. An unauthenticated client therefore cannot block the fetch that
//!    a sign-in needs.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::Provider;
use super::comparison::Finding;
use super::http::Stopwatch;
use super::keys::{KeySet, KeysError};
use super::known::{Known, LastKeyFetch};
use super::metadata::{Metadata, MetadataError};
use crate::flow::audit::{CallOutcome, ProviderCall};
use crate::flow::ports::ProviderUnavailable;

const RELOAD_INTERVAL: Duration = Duration::from_mins(10);
const BASE_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);
const KEY_FETCH_INTERVAL_SECONDS: u64 = 30;

#[derive(Debug, Error)]
enum LoadError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl LoadError {
    /// Returns whether only a change of settings can help.
    fn is_about_settings(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_about_settings())
    }
}

impl Provider {
    /// Loads metadata and keys and reloads them periodically. Never returns; the future can be dropped at any time.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let delay = match self.load().await {
                Ok(known) => {
                    let is_first = self.known.load().is_none();
                    self.store(known);
                    if is_first || failures > 0 {
                        info!(
                            issuer = %self.settings.issuer,
                            "the OpenID Provider is available: metadata and signing keys are loaded"
                        );
                    }
                    failures = 0;
                    RELOAD_INTERVAL
                }
                Err(error) => {
                    self.record_load_failure(&error, failures == 0);
                    failures += 1;
                    retry_delay(failures, RandomState::new().hash_one(failures))
                }
            };
            self.has_tried_to_load.send_replace(true);
            // While loads fail, the delay grows, and no other call shortens it.
            let hurries = failures == 0;
            tokio::select! {
                () = sleep(delay) => {}
                () = self.silence.begins(), if hurries => sleep(BASE_RETRY_DELAY).await,
            }
        }
    }

    fn record_load_failure(&self, error: &LoadError, first: bool) {
        let is_about_settings = error.is_about_settings();
        self.last_error.store(Arc::new(ProviderUnavailable { why: error.to_string(), is_about_settings }));
        if first {
            let cached_metadata_in_use = self.known.load().is_some();
            warn!(
                %error,
                cached_metadata_in_use,
                "cannot load the metadata or signing keys of the OpenID Provider; retrying, and further failures are \
                 logged at debug level only"
            );
        } else {
            debug!(%error, "the metadata or signing keys of the OpenID Provider still cannot be loaded");
        }
    }

    async fn load(&self) -> Result<Known, LoadError> {
        let metadata = Arc::new(self.load_metadata().await?);
        let keys = self.load_keys(&metadata).await?;
        Ok(Known::new(&self.settings, metadata, keys))
    }

    async fn load_metadata(&self) -> Result<Metadata, MetadataError> {
        if !self.settings.discovery {
            return Metadata::configured(&self.settings);
        }
        let metadata = Metadata::load(&self.documents, &self.settings);
        self.audit_call(ProviderCall::Discovery, metadata, |_| false).await
    }

    async fn load_keys(&self, metadata: &Metadata) -> Result<KeySet, KeysError> {
        let keys = KeySet::load(&self.documents, &metadata.jwks_uri);
        self.audit_call(ProviderCall::Keys, keys, |_| false).await
    }

    /// Replaces the documents, and logs each difference from the settings that the last ones did not have.
    fn store(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        let last = self.known.swap(Some(Arc::clone(&known)));
        let was_known =
            |finding: &&Finding| last.as_ref().is_some_and(|last| last.findings.contains(finding));
        for finding in known.findings.iter().filter(|finding| !was_known(finding)) {
            warn!("sign-ins will fail: {finding}");
        }
        known
    }

    /// Fetches the keys, and the metadata if `with_metadata`, if `last_fetch` permits and nothing newer than `seen` is
    /// loaded. Returns the newest ones. If one of them cannot be loaded, both stay in use.
    pub(super) async fn fetch_new_documents(
        &self,
        seen: &Arc<Known>,
        last_fetch: &LastKeyFetch,
        with_metadata: bool,
    ) -> Arc<Known> {
        // The lock is held across the call, because waiting tasks need its result. The call has a timeout.
        let mut last_fetch = last_fetch.lock().await;
        let current = self.known.load_full().unwrap_or_else(|| Arc::clone(seen));
        let now = self.clock.now();
        // The absolute difference, so that a clock that was set back does not block fetches.
        let fetched_recently =
            last_fetch.is_some_and(|last| now.0.abs_diff(last.0) < KEY_FETCH_INTERVAL_SECONDS);
        if fetched_recently || !Arc::ptr_eq(&current, seen) {
            return current;
        }
        *last_fetch = Some(now);
        let mut metadata = Arc::clone(&current.metadata);
        if with_metadata {
            // With the old announcement, new keys would not help: the token would count as refused, not as undecided.
            let Ok(newer) = self.load_metadata().await else { return current };
            metadata = Arc::new(newer);
        }
        match self.load_keys(&metadata).await {
            Ok(keys) => self.store(Known::new(&self.settings, metadata, keys)),
            Err(error) => {
                debug!(%error, "cannot load newer signing keys; the current keys stay in use");
                current
            }
        }
    }

    /// Runs a call to the provider and reports its outcome and duration to the audit.
    pub(super) async fn audit_call<T, E>(
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

/// Returns the delay after a number of failures. Half of the delay is fixed, half is jitter.
fn retry_delay(failures: u32, jitter: u64) -> Duration {
    let longest = BASE_RETRY_DELAY.saturating_mul(1 << (failures - 1).min(10)).min(MAX_RETRY_DELAY);
    let half = longest / 2;
    half + Duration::from_millis(jitter % u64::try_from(half.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
