//! What can the provider's owner make it do while it runs?

use crate::algorithm::SigningAlgorithm;
use crate::provider::DevProvider;

/// The system gave no randomness for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot generate a signing key")]
pub struct KeyError;

impl DevProvider {
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
