//! What the pages work with, and on which origin a request finds them

use std::sync::Arc;

use http::HeaderMap;

use super::detached::Detached;
use crate::access::origin::Origin;
use crate::edge::host::host;
use crate::edge::request_id::RequestIds;
use crate::flow::audit::{Audit, Hint};
use crate::flow::backchannel::Backchannel;
use crate::flow::callback::Callback;
use crate::flow::login::Login;
use crate::flow::logout::Logout;
use crate::flow::ports::{Clock, Sessions};
use crate::flow::refresh::Refresh;
use crate::flow::snapshot::CurrentSnapshot;

/// Everything the pages need.
pub struct Portal {
    /// Begins sign-ins.
    pub login: Login,
    /// Finishes sign-ins.
    pub callback: Callback,
    /// Runs what shall end though the browser goes.
    pub detached: Detached,
    /// Ends sessions.
    pub logout: Logout,
    /// Renews sessions.
    pub refresh: Arc<Refresh>,
    /// Ends sessions in the provider's name.
    pub backchannel: Backchannel,
    /// Where sessions live.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rules, with the origins that the pages are served on.
    pub snapshot: CurrentSnapshot,
    /// Where it is told what people did.
    pub audit: Arc<dyn Audit>,
    /// Names for requests.
    pub ids: Arc<RequestIds>,
}

impl Portal {
    /// Returns where the pages of the one `Host` field are; an unknown host is reported to the operator.
    pub(super) fn place_of(&self, headers: &HeaderMap) -> Option<Place> {
        let host = host(headers)?;
        let snapshot = self.snapshot.load();
        let origins = &snapshot.rules.origins;
        let Some(origin) = origins.find(host) else {
            self.audit.hint(&Hint::UnknownHost(host));
            return None;
        };
        let sign_in = origins.sign_in_of(origin);
        Some(if sign_in == origin { Place::Here(origin.clone()) } else { Place::Elsewhere(sign_in.clone()) })
    }
}

/// Where the pages of a host are.
pub(super) enum Place {
    /// On this origin.
    Here(Origin),
    /// On another origin, which serves them for the whole domain.
    Elsewhere(Origin),
}
