//! The session store that the settings choose

use std::sync::Arc;
use std::time::Duration;

use crate::config::{SessionStorage, Settings};
use crate::flow::audit::Audit;
use crate::flow::ports::{Clock, Entropy, Sessions};
use crate::server::StartError;
use crate::session::codec::seal::KeyRing;
use crate::session::cookie_store::{CookieStore, Room};
use crate::session::records::Bounds;
use crate::session::records::file::FileRecords;
use crate::session::ticket_store::{TicketSettings, TicketStore};

/// The number of sessions that a process tracks. A session takes some hundred bytes, or some thousand if a proxy drops
/// cookies.
const ROOM: Room = Room { sessions: 100_000, per_user: 1000 };
/// The number of sessions in a file.
const FILE_BOUNDS: Bounds = Bounds { sessions: 1_000_000, per_user: 1000 };
/// How long a record that was read serves without another lookup. Writes of this process replace it at once.
const FRESH: Duration = Duration::from_secs(2);

/// The session store.
#[derive(Clone)]
pub(crate) enum Store {
    Cookie(Arc<CookieStore>),
    File(Arc<TicketStore<FileRecords>>),
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
        let no_entropy = |error: crate::flow::ports::NoEntropy| StartError::Build(error.to_string());
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
                let ticket_settings = TicketSettings {
                    lifetimes: session.lifetimes,
                    keeps_id_token: session.keeps_id_token,
                    fresh: FRESH,
                    stale_if_error: session.stale_if_error,
                    is_exclusive: true,
                };
                let system = (entropy, Arc::clone(parts.clock));
                let store = TicketStore::new(records, keys, system, (origins, client), ticket_settings);
                Ok(Self::File(Arc::new(store.map_err(no_entropy)?)))
            }
        }
    }

    /// Returns the port.
    pub(super) fn sessions(&self) -> Arc<dyn Sessions> {
        match self {
            Self::Cookie(store) => Arc::clone(store) as Arc<dyn Sessions>,
            Self::File(store) => Arc::clone(store) as Arc<dyn Sessions>,
        }
    }

    /// Returns its name in the configuration.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cookie(_) => "cookie",
            Self::File(_) => "file",
        }
    }

    /// Returns the number of sessions, or `None` if the store does not answer.
    pub(crate) async fn known(&self) -> Option<usize> {
        match self {
            Self::Cookie(store) => Some(store.known()),
            Self::File(store) => store.count().await,
        }
    }

    /// Returns whether another process seals sessions with the same keys, which the cookie store does not support.
    pub(crate) fn is_shared(&self) -> bool {
        match self {
            Self::Cookie(store) => store.is_shared(),
            Self::File(_) => false,
        }
    }
}
