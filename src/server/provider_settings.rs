//! How does the provider section become what the provider layer takes?

use crate::config::{ClientAuthentication as Configured, Provider, SigningAlgorithm};
use crate::provider::{Algorithm, ClientAuthentication, ProviderSettings};

/// The same, in the provider layer's own words.
pub(super) fn provider_settings(provider: &Provider) -> ProviderSettings {
    let (client_authentication, client_secret) = match &provider.client_authentication {
        Configured::Basic(secret) => (ClientAuthentication::SecretBasic, Some(secret.clone())),
        Configured::Post(secret) => (ClientAuthentication::SecretPost, Some(secret.clone())),
        Configured::None => (ClientAuthentication::None, None),
    };
    ProviderSettings {
        issuer: provider.issuer.clone(),
        backchannel_url: provider.backchannel_url.clone().map(String::from),
        client_id: provider.client_id.clone(),
        client_secret,
        client_authentication,
        scopes: provider.scopes.clone(),
        authorization_parameters: provider.authorization_parameters.clone().into_iter().collect(),
        ca_pem: provider.ca.clone(),
        signing_algorithms: provider.signing_algorithms.iter().copied().map(algorithm).collect(),
        leeway: provider.leeway,
        timeout: provider.timeout,
    }
}

fn algorithm(configured: SigningAlgorithm) -> Algorithm {
    match configured {
        SigningAlgorithm::Rs256 => Algorithm::Rs256,
        SigningAlgorithm::Ps256 => Algorithm::Ps256,
        SigningAlgorithm::Es256 => Algorithm::Es256,
        SigningAlgorithm::Es384 => Algorithm::Es384,
        SigningAlgorithm::EdDsa => Algorithm::EdDsa,
    }
}
