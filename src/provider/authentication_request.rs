//! Authentication request URL

use std::borrow::Cow;

use oauth2::{ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{IssuerUrl, Nonce};
use url::Url;

use super::authentication::{ACR_VALUES, MAX_AGE};
use super::metadata::Metadata;
use super::settings::ProviderSettings;
use crate::flow::ports::{Account, AuthenticationRequest, ProviderUnavailable, RECENT_AUTHENTICATION};

/// The scope that openidconnect adds itself.
const ALWAYS_ASKED: &str = "openid";

/// Returns the URL of an authentication request (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3).
///
/// The code challenge is always S256, regardless of the metadata: a provider without PKCE ignores it (RFC 9700
/// §2.1.1).
pub(super) fn url(
    settings: &ProviderSettings,
    metadata: &Metadata,
    request: &AuthenticationRequest<'_>,
) -> Result<Url, ProviderUnavailable> {
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| unusable("the issuer"))?;
    let redirect =
        RedirectUrl::new(request.redirect_uri.to_owned()).map_err(|_| unusable("the redirect URI"))?;
    let state = CsrfToken::new(request.state.to_owned());
    let nonce = Nonce::new(request.nonce.expose().to_owned());
    let client = CoreClient::new(
        ClientId::new(settings.client_id.clone()),
        issuer,
        CoreJsonWebKeySet::new(Vec::new()),
    )
    .set_auth_uri(metadata.authorization_endpoint.clone());
    let mut url = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
        .set_redirect_uri(Cow::Owned(redirect))
        .set_pkce_challenge(challenge(request.code_verifier.expose())?)
        .add_scopes(settings.scopes.iter().filter(|scope| *scope != ALWAYS_ASKED).cloned().map(Scope::new));
    let asks_again = request.account == Account::Another;
    if asks_again {
        url = url.add_prompt(CoreAuthPrompt::Login);
    }
    let configured = &settings.authorization_parameters;
    // The provider rejects a parameter that is sent twice (RFC 6749 §3.1).
    for (name, value) in configured.iter().filter(|(name, value)| !is_omitted(name, value, request.account)) {
        url = url.add_extra_param(name, value);
    }
    if request.account == Account::Recent {
        url = url.add_extra_param(MAX_AGE, recent_max_age(configured.get(MAX_AGE)).to_string());
    }
    if !settings.required_acr.is_empty() && !configured.contains_key(ACR_VALUES) {
        url = url.add_extra_param(ACR_VALUES, settings.required_acr.join(" "));
    }
    Ok(url.url().0)
}

/// Returns whether a configured parameter is not sent, because this sign-in asks the user.
fn is_omitted(name: &str, value: &str, account: Account) -> bool {
    name == "prompt"
        && match account {
            Account::Known => false,
            Account::Another => true,
            Account::Recent | Account::Interactive => value == "none",
        }
        || name == MAX_AGE && account == Account::Recent
}

/// Returns the `max_age` of a sign-in that needs a recent authentication, in seconds. A shorter configured one stays.
fn recent_max_age(configured: Option<&String>) -> u64 {
    let configured = configured.and_then(|seconds| seconds.parse().ok()).unwrap_or(u64::MAX);
    RECENT_AUTHENTICATION.as_secs().min(configured)
}

/// Returns the challenge of a verifier. The length is checked first, because oauth2 panics on one that RFC 7636 §4.1
/// forbids.
fn challenge(verifier: &str) -> Result<PkceCodeChallenge, ProviderUnavailable> {
    if !(43..=128).contains(&verifier.len()) {
        return Err(unusable("the PKCE verifier"));
    }
    Ok(PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned())))
}

fn unusable(what: &str) -> ProviderUnavailable {
    let why = format!("{what} cannot be used in an authentication request");
    ProviderUnavailable { why, is_about_settings: true }
}

#[cfg(test)]
mod tests;
