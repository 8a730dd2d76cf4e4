//! Construction of the gateway's own pages

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::shared::Shared;
use crate::access::client::TrustedProxies;
use crate::config::Settings;
use crate::edge::portal::{Detached, Portal};
use crate::flow::backchannel::Backchannel;
use crate::flow::callback::Callback;
use crate::flow::login::Login;
use crate::flow::logout::{Leaving, Logout, ProviderLogout};
use crate::flow::own_sessions::{OwnSessions, Turns};
use crate::flow::refresh::Refresh;
use crate::flow::snapshot::CurrentSnapshot;

/// Returns the pages of the gateway.
pub(super) fn build_portal(
    shared: Shared,
    refresh: Arc<Refresh>,
    snapshot: CurrentSnapshot,
    logout: Arc<Logout>,
    trusted: TrustedProxies,
) -> Portal {
    let backchannel = Backchannel {
        provider: Arc::clone(&shared.provider),
        sessions: Arc::clone(&shared.sessions),
        clock: Arc::clone(&shared.clock),
    };
    Portal {
        login: Login {
            provider: Arc::clone(&shared.provider),
            markers: Arc::clone(&shared.markers),
            sessions: Arc::clone(&shared.sessions),
            entropy: shared.entropy,
            clock: Arc::clone(&shared.clock),
            snapshot: snapshot.clone(),
        },
        callback: Callback {
            provider: shared.provider,
            markers: Arc::clone(&shared.markers),
            sessions: Arc::clone(&shared.sessions),
            clock: Arc::clone(&shared.clock),
            snapshot: snapshot.clone(),
            audit: Arc::clone(&shared.audit),
            has_reported_groups: AtomicBool::new(false),
        },
        detached: Detached::default(),
        detached_ends: Detached::default(),
        logout,
        own_sessions: OwnSessions {
            lists: shared.store.lists(),
            refresh: Arc::clone(&refresh),
            turns: Turns::default(),
        },
        refresh,
        backchannel,
        sessions: shared.sessions,
        clock: shared.clock,
        snapshot,
        audit: shared.audit,
        trusted,
        ids: shared.ids,
    }
}

/// Returns what ends sessions.
pub(super) fn build_logout(settings: &Settings, shared: &Shared) -> Logout {
    let at_provider = || ProviderLogout {
        provider: Arc::clone(&shared.provider),
        client_id: settings.provider.client_id.clone(),
        entropy: Arc::clone(&shared.entropy),
    };
    Logout {
        sessions: Arc::clone(&shared.sessions),
        markers: Arc::clone(&shared.markers),
        clock: Arc::clone(&shared.clock),
        at_provider: settings.sign_in.provider_logout.then(at_provider),
        leaving: Leaving::default(),
    }
}
