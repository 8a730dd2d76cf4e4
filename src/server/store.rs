//! The session store that the settings choose

use std::sync::Arc;
use std::time::Duration;

use super::start_error::StartError;
use crate::config::{SessionStorage, Settings};
use crate::flow::audit::Audit;
use crate::flow::ports::{Clock, Entropy, NoEntropy, SessionLists, Sessions};
use crate::session::codec::seal::KeyRing;
use crate::session::cookie_store::{CookieStore, Room};
use crate::session::records::file::FileRecords;
use crate::session::records::redis::RedisRecords;
use crate::session::records::{Bounds, Records};
use crate::session::ticket_store::{TicketSettings, TicketStore};

/// The number of sessions of one user.
const PER_USER: usize = 1000;
/// The number of sessions that a process tracks. A session takes some hundred bytes, or some thousand if a proxy drops
/// cookies.
const ROOM: Room = Room { sessions: 100_000, per_user: PER_USER };
/// The number of sessions in a file.
const FILE_BOUNDS: Bounds = Bounds { sessions: 1_000_000, per_user: PER_USER };
/// How long a record that was read serves without another lookup. Writes of this process replace it at once.
const FRESH: Duration = Duration::from_secs(2);

/// The session store.
#[derive(Clone)]
pub(crate) enum Store {
    Cookie(Arc<CookieStore>),
    File(Arc<TicketStore<FileRecords>>),
    Redis(Arc<TicketStore<RedisRecords>>),
}

/// What the store is built with.
pub(super) struct Parts<'a> {
    pub(super) keys: &'a Arc<KeyRing>,
    pub(super) entropy: &'a Arc<dyn Entropy>,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) audit: &'a Arc<dyn Audit>,
}

impl Store {
    /// Builds the store.
    pub(super) fn build(settings: &Settings, parts: &Parts<'_>) -> Result<Self, StartError> {
        let session = &settings.session;
        let client = (settings.provider.issuer.as_str(), settings.provider.client_id.as_str());
        let (origins, keys, entropy) =
            (&settings.public.origins, Arc::clone(parts.keys), Arc::clone(parts.entropy));
        match &session.storage {
            SessionStorage::Cookie => {
                let bounds = (session.lifetimes, ROOM);
                let (audit, now) = (Arc::clone(parts.audit), parts.clock.now());
                let store = CookieStore::new(keys, entropy, origins, client, bounds, audit, now);
                let store = store.map_err(no_entropy)?.with_id_tokens(session.keeps_id_token);
                Ok(Self::Cookie(Arc::new(store)))
            }
            SessionStorage::File(path) => {
                let records = FileRecords::open(path, FILE_BOUNDS, Arc::clone(parts.clock))
                    .map_err(|error| StartError::Build(format!("session.file: {error}")))?;
                ticket_store(records, true, settings, parts).map(Self::File)
            }
            SessionStorage::Redis(redis) => {
                let records = RedisRecords::new(redis, PER_USER, Arc::clone(parts.clock))
                    .map_err(|error| StartError::Build(format!("session.redis: {error}")))?;
                ticket_store(records, false, settings, parts).map(Self::Redis)
            }
        }
    }

    /// Returns the port.
    pub(super) fn sessions(&self) -> Arc<dyn Sessions> {
        match self {
            Self::Cookie(store) => Arc::clone(store) as Arc<dyn Sessions>,
            Self::File(store) => Arc::clone(store) as Arc<dyn Sessions>,
            Self::Redis(store) => Arc::clone(store) as Arc<dyn Sessions>,
        }
    }

    /// Learns what other processes change, and never returns.
    pub(super) async fn follow(&self) {
        match self {
            Self::Redis(store) => store.follow().await,
            Self::Cookie(_) | Self::File(_) => std::future::pending().await,
        }
    }

    /// Returns the list of each user's sessions, if the store keeps one.
    pub(super) fn lists(&self) -> Option<Arc<dyn SessionLists>> {
        match self {
            Self::Cookie(_) => None,
            Self::File(store) => Some(Arc::clone(store) as Arc<dyn SessionLists>),
            Self::Redis(store) => Some(Arc::clone(store) as Arc<dyn SessionLists>),
        }
    }

    /// Returns its name in the configuration.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cookie(_) => "cookie",
            Self::File(_) => "file",
            Self::Redis(_) => "redis",
        }
    }

    /// Returns whether the store counts its sessions.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self, Self::Redis(_))
    }

    /// Returns the number of sessions, or `None` if the store does not answer, or does not count them.
    pub(crate) async fn known(&self) -> Option<usize> {
        match self {
            Self::Cookie(store) => Some(store.known()),
            Self::File(store) => store.count().await,
            Self::Redis(store) => store.count().await,
        }
    }

    /// Returns whether another process seals sessions with the same keys, which the cookie store does not support.
    pub(crate) fn is_shared(&self) -> bool {
        match self {
            Self::Cookie(store) => store.is_shared(),
            Self::File(_) | Self::Redis(_) => false,
        }
    }
}

/// Returns the store with these records. `is_exclusive` says whether no other process uses them.
fn ticket_store<R: Records>(
    records: R,
    is_exclusive: bool,
    settings: &Settings,
    parts: &Parts<'_>,
) -> Result<Arc<TicketStore<R>>, StartError> {
    let session = &settings.session;
    let ticket_settings = TicketSettings {
        lifetimes: session.lifetimes,
        keeps_id_token: session.keeps_id_token,
        fresh: FRESH,
        stale_if_error: session.stale_if_error,
        is_exclusive,
    };
    let system = (Arc::clone(parts.entropy), Arc::clone(parts.clock));
    let client = (settings.provider.issuer.as_str(), settings.provider.client_id.as_str());
    let place = (&settings.public.origins, client);
    let store = TicketStore::new(records, Arc::clone(parts.keys), system, place, ticket_settings);
    store.map_err(no_entropy)
}

fn no_entropy(error: NoEntropy) -> StartError {
    StartError::Build(error.to_string())
}
