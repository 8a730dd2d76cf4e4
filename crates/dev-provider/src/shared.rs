//! State that all endpoints share

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use tokio::sync::watch;
use url::Url;

use crate::algorithm::SigningAlgorithm;
use crate::arming::Arming;
use crate::key::SigningKey;
use crate::key_ring::{self, KeyRing};
use crate::observe::{Observations, Observed};
use crate::refresh_plan::Rule;
use crate::refresh_token::RefreshTokens;
use crate::settings::{Client, Settings, User};
use crate::store::Store;

/// The state of the provider. All locks are plain mutexes, because no code awaits while it holds one.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// The `iss` of every token.
    pub(crate) issuer: String,
    /// The base URL of the endpoints.
    pub(crate) base: String,
    /// The base of URLs at another host name of this provider, which only counts the requests.
    pub(crate) elsewhere: String,
    pub(crate) refresh_tokens: RefreshTokens,
    keys: Mutex<KeyRing>,
    store: Mutex<Store>,
    arming: Mutex<Arming>,
    /// Faults for refreshes only.
    refresh_arming: Mutex<Arming>,
    refresh_rule: Mutex<Option<Rule>>,
    /// The URLs for logout tokens, by registered client.
    backchannel: Mutex<BTreeMap<String, Url>>,
    /// Notifies delayed responses when all faults are released.
    released: watch::Sender<()>,
    date_skew: AtomicI64,
    observations: Mutex<Observations>,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        base: String,
        elsewhere: String,
        key: Arc<SigningKey>,
        refresh_tokens: RefreshTokens,
    ) -> Self {
        let issuer = settings.issuer_text.clone().unwrap_or_else(|| base.clone());
        let (keys, store) = (Mutex::new(KeyRing::new(key)), Mutex::new(Store::new()));
        Self {
            settings,
            issuer,
            base,
            elsewhere,
            refresh_tokens,
            keys,
            store,
            arming: Mutex::default(),
            refresh_arming: Mutex::default(),
            refresh_rule: Mutex::default(),
            backchannel: Mutex::default(),
            released: watch::Sender::new(()),
            date_skew: AtomicI64::new(0),
            observations: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.settings.clock.now()
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keys(&self) -> MutexGuard<'_, KeyRing> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn signing_key(&self) -> Result<Arc<SigningKey>, Unspecified> {
        self.keys().signing().ok_or(Unspecified)
    }

    /// Signs with a new key of this algorithm from now on. The other keys stay published.
    pub(crate) async fn add_key(&self, algorithm: SigningAlgorithm) -> Result<(), Unspecified> {
        let key = key_ring::generate(algorithm).await?;
        self.keys().add(key);
        Ok(())
    }

    pub(crate) fn arming(&self) -> MutexGuard<'_, Arming> {
        self.arming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refresh_arming(&self) -> MutexGuard<'_, Arming> {
        self.refresh_arming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refresh_rule(&self) -> MutexGuard<'_, Option<Rule>> {
        self.refresh_rule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn backchannel(&self) -> MutexGuard<'_, BTreeMap<String, Url>> {
        self.backchannel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn on_release(&self) -> watch::Receiver<()> {
        self.released.subscribe()
    }

    pub(crate) fn release_all(&self) {
        self.arming().clear();
        self.refresh_arming().clear();
        self.released.send_replace(());
    }

    /// Returns the number of seconds by which the `Date` of every response is ahead.
    pub(crate) fn date_skew(&self) -> i64 {
        self.date_skew.load(Ordering::Relaxed)
    }

    pub(crate) fn set_date_skew(&self, seconds: i64) {
        self.date_skew.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn observations(&self) -> MutexGuard<'_, Observations> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, counter: impl FnOnce(&mut Observed) -> &mut u64) {
        *counter(&mut self.observations().observed) += 1;
    }

    /// Returns the URL of an endpoint. An issuer may end in a slash (Discovery §4.1).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.trim_end_matches('/'))
    }

    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.settings.clients.iter().find(|client| client.id == id)
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.settings.users.iter().find(|user| user.username == username)
    }
}
