//! Dependencies of the pages, and the origin that serves them

use std::sync::Arc;

use http::HeaderMap;

use super::detached::Detached;
use crate::access::client::TrustedProxies;
use crate::access::origin::Origin;
use crate::edge::host::host;
use crate::edge::request_id::RequestIds;
use crate::flow::audit::{Audit, Hint};
use crate::flow::backchannel::Backchannel;
use crate::flow::callback::Callback;
use crate::flow::login::Login;
use crate::flow::logout::Logout;
use crate::flow::own_sessions::OwnSessions;
use crate::flow::ports::{Clock, Sessions};
use crate::flow::refresh::Refresh;
use crate::flow::snapshot::CurrentSnapshot;

/// The dependencies of the pages.
pub struct Portal {
    /// Begins sign-ins.
    pub login: Login,
    /// Finishes sign-ins.
    pub callback: Callback,
    /// Runs work that must finish even if the browser disconnects.
    pub detached: Detached,
    /// Ends sessions of users, apart from sign-ins, which must not wait for long lists.
    pub detached_ends: Detached,
    /// Ends sessions.
    pub logout: Arc<Logout>,
    /// Lists and ends sessions for their user.
    pub own_sessions: OwnSessions,
    /// Refreshes sessions.
    pub refresh: Arc<Refresh>,
    /// Ends sessions on request of the provider.
    pub backchannel: Backchannel,
    /// Stores sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rules, with the origins that the pages are served on.
    pub snapshot: CurrentSnapshot,
    /// Records sign-ins and sign-outs.
    pub audit: Arc<dyn Audit>,
    /// The proxies whose entries in `X-Forwarded-For` are trusted.
    pub trusted: TrustedProxies,
    /// Generates request ids.
    pub ids: Arc<RequestIds>,
}

impl Portal {
    /// Returns the origin of the pages for the only `Host` field. An unknown host is reported to the operator.
    pub(super) fn find_page_origin(&self, headers: &HeaderMap) -> Option<PageOrigin> {
        let host = host(headers)?;
        let snapshot = self.snapshot.load();
        let origins = &snapshot.rules.origins;
        let Some(origin) = origins.find(host) else {
            self.audit.hint(&Hint::UnknownHost(host));
            return None;
        };
        let sign_in = origins.sign_in_of(origin);
        Some(if sign_in == origin {
            PageOrigin::Same(origin.clone())
        } else {
            PageOrigin::Other(sign_in.clone())
        })
    }
}

/// The origin that serves the pages of a host.
pub(super) enum PageOrigin {
    /// The origin of the host itself.
    Same(Origin),
    /// Another origin, which serves the pages for the whole domain.
    Other(Origin),
}
