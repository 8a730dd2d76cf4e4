//! Parts of the gateway that several others share

use std::sync::Arc;

use crate::edge::request_id::RequestIds;
use crate::flow::audit::Audit;
use crate::flow::ports::{Clock, Entropy, IdentityProvider, Markers, Sessions};
use crate::server::store::Store;
use crate::session::codec::seal::KeyRing;

/// Parts that several others share.
pub(super) struct Shared {
    /// Seals sessions and sign-ins.
    pub(super) keys: Arc<KeyRing>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) audit: Arc<dyn Audit>,
    pub(super) ids: Arc<RequestIds>,
    pub(super) provider: Arc<dyn IdentityProvider>,
    pub(super) sessions: Arc<dyn Sessions>,
    /// The same store, with the state that probes and metrics report.
    pub(super) store: Store,
    pub(super) markers: Arc<dyn Markers>,
}
