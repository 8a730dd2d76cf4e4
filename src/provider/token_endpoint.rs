//! What is sent to the token endpoint?
//!
//! 1. A code or a refresh token is sent once; no answer makes us send it again (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
//! 2. Client id and secret are form-encoded before they are joined for `Authorization` (RFC 6749 §2.3.1).
//! 3. A refresh asks for no scope, so that it keeps the one of the sign-in (RFC 6749 §6).

mod answer;
mod classify;
mod revocation;

use std::borrow::Cow;

use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    PkceCodeVerifier, RedirectUrl, RefreshToken, StandardRevocableToken, TokenUrl,
};

pub(super) use self::answer::Tokens;
use self::answer::{Answer, Sender, TokenEndpointError, tokens};
pub(super) use self::revocation::revoke;
use super::client_assertion::ASSERTION_TYPE;
use super::http::Http;
use super::settings::{ClientAuthentication, ProviderSettings};
use crate::flow::ports::{CodeExchange, ExchangeError, RefreshError, UnixTime};
use crate::secret::Secret;

type Endpoint = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Exchanges a code (OpenID Connect Core §3.1.3.1).
pub(super) async fn exchange(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    exchange: &CodeExchange<'_>,
) -> Result<Tokens, ExchangeError> {
    tokens_of_code(http, settings, url, now, exchange).await.map_err(|no| no.into_exchange_error())
}

/// Asks for new tokens (OpenID Connect Core §12.1).
pub(super) async fn refresh(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    token: &Secret,
) -> Result<Tokens, RefreshError> {
    tokens_of_refresh(http, settings, url, now, token).await.map_err(TokenEndpointError::into_refresh_error)
}

async fn tokens_of_code(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    exchange: &CodeExchange<'_>,
) -> Result<Tokens, TokenEndpointError> {
    let redirect =
        RedirectUrl::new(exchange.redirect_uri.to_owned()).map_err(|_| TokenEndpointError::BadRedirectUri)?;
    let assertion = assertion(settings, now)?;
    let client = endpoint(settings, url.clone());
    let mut request = client.exchange_code(AuthorizationCode::new(exchange.code.expose().to_owned()));
    for (name, value) in assertion_parameters(assertion.as_ref()) {
        request = request.add_extra_param(name, value);
    }
    let answer = request
        .set_pkce_verifier(PkceCodeVerifier::new(exchange.code_verifier.expose().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(&Sender { http, now })
        .await?;
    tokens(&answer)
}

async fn tokens_of_refresh(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    token: &Secret,
) -> Result<Tokens, TokenEndpointError> {
    let assertion = assertion(settings, now)?;
    let client = endpoint(settings, url.clone());
    let token = RefreshToken::new(token.expose().to_owned());
    let mut request = client.exchange_refresh_token(&token);
    for (name, value) in assertion_parameters(assertion.as_ref()) {
        request = request.add_extra_param(name, value);
    }
    tokens(&request.request_async(&Sender { http, now }).await?)
}

fn endpoint(settings: &ProviderSettings, url: TokenUrl) -> Endpoint {
    let client = Client::new(ClientId::new(settings.client_id.clone())).set_token_uri(url);
    let (place, secret) = match &settings.client_authentication {
        ClientAuthentication::Basic(secret) => (AuthType::BasicAuth, Some(secret)),
        ClientAuthentication::Post(secret) => (AuthType::RequestBody, Some(secret)),
        ClientAuthentication::PrivateKey { .. } | ClientAuthentication::None => (AuthType::RequestBody, None),
    };
    let client = client.set_auth_type(place);
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// A new assertion, where we prove ourselves by a key.
fn assertion(settings: &ProviderSettings, now: UnixTime) -> Result<Option<Secret>, TokenEndpointError> {
    let ClientAuthentication::PrivateKey { key, audience } = &settings.client_authentication else {
        return Ok(None);
    };
    let audience = audience.as_ref().unwrap_or(&settings.issuer);
    let assertion = key.assertion(&settings.client_id, audience, now);
    assertion.map(Some).map_err(|error| TokenEndpointError::NoAssertion(error.to_string()))
}

/// The parameters of RFC 7523 §2.2, where there is an assertion.
fn assertion_parameters(assertion: Option<&Secret>) -> impl Iterator<Item = (&'static str, &str)> {
    let parameters = |assertion| [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
    assertion.map(Secret::expose).map(parameters).into_iter().flatten()
}

#[cfg(test)]
mod tests;
