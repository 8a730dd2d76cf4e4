//! How is a person sent to the provider?

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use thiserror::Error;
use url::Url;

use super::ports::{
    Account, AuthenticationRequest, Clock, Entropy, IdentityProvider, LoginStore, LoginTransaction,
    NoEntropy, ProviderUnavailable,
};
use crate::access::origin::{Origin, Origins};
use crate::access::return_to::ReturnTo;
use crate::secret::Secret;

/// Begins sign-ins.
pub struct Login {
    /// The provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// Where the transaction waits for the callback.
    pub logins: Arc<dyn LoginStore>,
    /// Randomness for `state`, `nonce` and the PKCE verifier.
    pub entropy: Arc<dyn Entropy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The origins one may come back to.
    pub origins: Origins,
}

/// Where to send the person, and what their browser keeps meanwhile.
pub struct Started {
    /// The provider's authorization endpoint with all parameters.
    pub location: Url,
    /// `Set-Cookie` values.
    pub cookies: Vec<HeaderValue>,
}

/// Why no sign-in can begin.
#[derive(Debug, Error)]
pub enum LoginError {
    /// The provider's metadata is not there yet.
    #[error(transparent)]
    ProviderUnavailable(#[from] ProviderUnavailable),
    /// Nothing secret can be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

impl Login {
    /// Begins a sign-in that ends at `rd`, or on the start page where `rd` is not acceptable.
    pub fn start(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        rd: Option<&str>,
        account: Account,
    ) -> Result<Started, LoginError> {
        let transaction = self.transaction(self.return_to(origin, rd))?;
        let location = self.provider.authentication_url(&AuthenticationRequest {
            redirect_uri: &redirect_uri(origin),
            state: &transaction.state,
            nonce: &transaction.nonce,
            code_verifier: &transaction.code_verifier,
            account,
        })?;
        let cookies = self.logins.keep(&transaction, headers, origin, self.clock.now())?;
        Ok(Started { location, cookies })
    }

    /// Where a sign-in with this `rd` ends.
    pub fn return_to(&self, origin: &Origin, rd: Option<&str>) -> ReturnTo {
        rd.and_then(|text| ReturnTo::parse(text, origin, &self.origins))
            .unwrap_or_else(|| ReturnTo::home(origin))
    }

    fn transaction(&self, return_to: ReturnTo) -> Result<LoginTransaction, NoEntropy> {
        Ok(LoginTransaction {
            state: self.random()?,
            nonce: Secret::new(self.random()?),
            code_verifier: Secret::new(self.random()?),
            return_to,
        })
    }

    /// 256 random bits as 43 characters: also the shortest PKCE verifier allowed (RFC 7636 §4.1).
    fn random(&self) -> Result<String, NoEntropy> {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes)?;
        Ok(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes))
    }
}

/// The callback of an origin, exactly as it must be registered at the provider.
pub fn redirect_uri(origin: &Origin) -> String {
    format!("{}/oauth2/callback", origin.as_str())
}
