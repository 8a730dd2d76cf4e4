//! Loaded provider metadata and keys, and the times of the last fetches

use std::sync::Arc;

use tokio::sync::Mutex;

use super::accepted::Accepted;
use super::comparison::{Finding, compare};
use super::keys::KeySet;
use super::metadata::Metadata;
use super::settings::ProviderSettings;
use crate::flow::ports::UnixTime;

/// The time of the last key fetch that a token caused. The lock admits one fetch at a time.
pub(super) type LastKeyFetch = Mutex<Option<UnixTime>>;

/// The last key fetches, by the source of the token.
#[derive(Default)]
pub(super) struct KeyFetches {
    /// Tokens that the token endpoint issued.
    pub(super) token_endpoint: LastKeyFetch,
    /// Tokens that a client sent, which need not be the provider.
    pub(super) any_client: LastKeyFetch,
}

/// Metadata and keys that were loaded together.
pub(super) struct Known {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: KeySet,
    /// The signature algorithms that a token may use.
    pub(super) accepted: Accepted,
    /// Where the settings differ from the documents, so that no sign-in can succeed.
    pub(super) findings: Vec<Finding>,
}

impl Known {
    pub(super) fn new(settings: &ProviderSettings, metadata: Arc<Metadata>, keys: KeySet) -> Self {
        let configured = settings.signing_algorithms.as_deref();
        let accepted = Accepted::new(configured, metadata.announcement.signing_algorithms.as_deref());
        let mut findings = compare(settings, &metadata.announcement, &accepted, Some(&keys.algorithms()));
        findings.retain(Finding::is_fatal);
        Self { metadata, keys, accepted, findings }
    }
}
