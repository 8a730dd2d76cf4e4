//! Control of faults and keys of a running provider

use std::sync::Arc;

use crate::algorithm::SigningAlgorithm;
use crate::fault::Fault;
use crate::provider::DevProvider;
use crate::refresh_plan::{RefreshPlan, RefreshSeen};

/// The operating system did not provide the randomness for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot generate a signing key")]
pub struct KeyError;

impl DevProvider {
    /// Arms a fault: it affects the next request that it can affect, once. At most 256 calls are queued; beyond that,
    /// the oldest is dropped.
    pub fn arm(&self, fault: Fault) {
        self.arm_all(&[fault]);
    }

    /// Arms faults together for the next request that they can affect. Faults of different endpoints each affect the
    /// next request to their endpoint.
    pub fn arm_all(&self, faults: &[Fault]) {
        self.shared.arming().arm(faults);
    }

    /// Arms faults of the token endpoint together for the next refresh, once (RFC 6749 §6). They do not affect
    /// exchanges of codes.
    pub fn arm_at_refresh(&self, faults: &[Fault]) {
        self.shared.refresh_arming().arm(faults);
    }

    /// Applies a fault to every refresh, until [`Self::release_all`].
    pub fn hold_at_refresh(&self, fault: Fault) {
        self.shared.refresh_arming().hold(fault);
    }

    /// Calls `rule` for each refresh from now on. Without a rule, every refresh is healthy.
    pub fn plan_refreshes(&self, rule: impl Fn(&RefreshSeen) -> RefreshPlan + Send + Sync + 'static) {
        *self.shared.refresh_rule() = Some(Arc::new(rule));
    }

    /// Applies a fault to every request that it can affect, until it is released.
    pub fn hold(&self, fault: Fault) {
        self.shared.arming().hold(fault);
    }

    /// Releases a fault of [`Self::hold`].
    pub fn release(&self, fault: Fault) {
        self.shared.arming().release(fault);
    }

    /// Moves the `Date` header of every response by this many seconds, into the past if negative (row 22). 0 resets it.
    pub fn skew_date(&self, seconds: i64) {
        self.shared.set_date_skew(seconds);
    }

    /// Removes all held and armed faults. Responses that a fault delays continue.
    pub fn release_all(&self) {
        self.shared.release_all();
    }

    /// Signs with a new key of the same algorithm from now on. The old keys stay published (case D05).
    ///
    /// Returns [`KeyError`] if no key can be generated; then nothing changes.
    pub async fn rotate_keys(&self) -> Result<(), KeyError> {
        let algorithm = self.shared.signing_key().map_err(|_| KeyError)?.algorithm();
        self.shared.add_key(algorithm).await.map_err(|_| KeyError)
    }

    /// Stops publishing every key except the one that signs.
    pub fn remove_old_keys(&self) {
        self.shared.keys().withdraw_old();
    }

    /// Calls [`Self::rotate_keys`] and [`Self::remove_old_keys`]: none of the old keys is published (case D04).
    ///
    /// Returns [`KeyError`] if no key can be generated; then nothing changes.
    pub async fn rotate_and_remove(&self) -> Result<(), KeyError> {
        self.rotate_keys().await?;
        self.remove_old_keys();
        Ok(())
    }

    /// Signs with this algorithm from now on, with its published key or a new one. The other keys stay published.
    ///
    /// Returns [`KeyError`] if no key can be generated.
    pub async fn sign_with(&self, algorithm: SigningAlgorithm) -> Result<(), KeyError> {
        if self.shared.keys().switch_to(algorithm) {
            return Ok(());
        }
        self.shared.add_key(algorithm).await.map_err(|_| KeyError)
    }
}
