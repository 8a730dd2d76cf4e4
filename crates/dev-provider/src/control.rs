//! What can the provider's owner make it do while it runs?

use crate::algorithm::SigningAlgorithm;
use crate::fault::Fault;
use crate::provider::DevProvider;

/// The system gave no randomness for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot generate a signing key")]
pub struct KeyError;

impl DevProvider {
    /// For the next request this fault can meet, once. At most 256 wait, and the oldest is forgotten beyond.
    pub fn arm(&self, fault: Fault) {
        self.arm_all(&[fault]);
    }

    /// Together, for the next request they can meet; those of different endpoints each meet their own.
    pub fn arm_all(&self, faults: &[Fault]) {
        self.shared.arming().arm(faults);
    }

    /// Together, for the next refresh, once (RFC 6749 §6): faults of the token endpoint, which exchanges of codes go by.
    pub fn arm_at_refresh(&self, faults: &[Fault]) {
        self.shared.refresh_arming().arm(faults);
    }

    /// For every refresh, until all faults are released.
    pub fn hold_at_refresh(&self, fault: Fault) {
        self.shared.refresh_arming().hold(fault);
    }

    /// For every request it can meet, until released.
    pub fn hold(&self, fault: Fault) {
        self.shared.arming().hold(fault);
    }

    /// Ends what [`Self::hold`] began.
    pub fn release(&self, fault: Fault) {
        self.shared.arming().release(fault);
    }

    /// Puts the `Date` header of every answer this many seconds ahead, or behind when negative (row 22); 0 ends it.
    pub fn skew_date(&self, seconds: i64) {
        self.shared.set_date_skew(seconds);
    }

    /// Forgets every fault, held or waiting for its request, and lets answers go that were slow on demand.
    pub fn release_all(&self) {
        self.shared.release_all();
    }

    /// A new key of the same algorithm signs from here on and the old ones stay published (case D05); [`KeyError`]
    /// when there is no new key, and then nothing changes.
    pub async fn rotate_keys(&self) -> Result<(), KeyError> {
        let algorithm = self.shared.signing_key().map_err(|_| KeyError)?.algorithm();
        self.shared.add_key(algorithm).await.map_err(|_| KeyError)
    }

    /// Withdraws from publication every key but the one that signs.
    pub fn remove_old_keys(&self) {
        self.shared.keys().withdraw_old();
    }

    /// Both at once: what is published shares no key with what was (case D04); [`KeyError`] as above.
    pub async fn rotate_and_remove(&self) -> Result<(), KeyError> {
        self.rotate_keys().await?;
        self.remove_old_keys();
        Ok(())
    }

    /// Signs with this algorithm from here on, with its published key or a new one; the other keys stay published.
    /// [`KeyError`] when there is no new key.
    pub async fn sign_with(&self, algorithm: SigningAlgorithm) -> Result<(), KeyError> {
        if self.shared.keys().choose(algorithm) {
            return Ok(());
        }
        self.shared.add_key(algorithm).await.map_err(|_| KeyError)
    }
}
