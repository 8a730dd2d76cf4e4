//! What do all endpoints share?

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::key::SigningKey;
use crate::observe::{Observations, Observed};
use crate::refresh_token::RefreshTokens;
use crate::settings::{Client, Settings, User};
use crate::store::Store;

/// The provider itself. Both locks are plain mutexes, for no await happens under them.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) issuer: String,
    pub(crate) key: SigningKey,
    pub(crate) refresh_tokens: RefreshTokens,
    store: Mutex<Store>,
    observations: Mutex<Observations>,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        issuer: String,
        key: SigningKey,
        refresh_tokens: RefreshTokens,
    ) -> Self {
        let store = Mutex::new(Store::new());
        Self { settings, issuer, key, refresh_tokens, store, observations: Mutex::default() }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn observations(&self) -> MutexGuard<'_, Observations> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, counter: impl FnOnce(&mut Observed) -> &mut u64) {
        *counter(&mut self.observations().observed) += 1;
    }

    /// The URL of an endpoint; an issuer may end in a slash (Discovery §4.1).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.settings.clients.iter().find(|client| client.id == id)
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.settings.users.iter().find(|user| user.username == username)
    }
}
