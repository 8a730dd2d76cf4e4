//! Token endpoint requests
//!
//! 1. A code or a refresh token is sent once. No response causes another attempt (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
//! 2. The client ID and the secret are form-encoded before they are joined for `Authorization` (RFC 6749 §2.3.1).
//! 3. A refresh requests no scope, so that the scope of the sign-in is kept (RFC 6749 §6).

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
pub(super) use self::revocation::{end_session, revoke};
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

/// Exchanges a code for tokens (OpenID Connect Core §3.1.3.1).
pub(super) async fn exchange(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    exchange: &CodeExchange<'_>,
) -> Result<Tokens, ExchangeError> {
    request_code_exchange(http, settings, url, now, exchange)
        .await
        .map_err(|error| error.into_exchange_error(&settings.client_authentication))
}

/// Requests new tokens with a refresh token (OpenID Connect Core §12.1).
pub(super) async fn refresh(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    token: &Secret,
) -> Result<Tokens, RefreshError> {
    request_refresh(http, settings, url, now, token)
        .await
        .map_err(|error| error.into_refresh_error(&settings.client_authentication))
}

async fn request_code_exchange(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    exchange: &CodeExchange<'_>,
) -> Result<Tokens, TokenEndpointError> {
    let redirect =
        RedirectUrl::new(exchange.redirect_uri.to_owned()).map_err(|_| TokenEndpointError::BadRedirectUri)?;
    let assertion = assertion(settings, now)?;
    let client = oauth_client(settings, url.clone());
    let mut request = client.exchange_code(AuthorizationCode::new(exchange.code.expose().to_owned()));
    for (name, value) in assertion_parameters(assertion.as_ref()) {
        request = request.add_extra_param(name, value);
    }
    let response = request
        .set_pkce_verifier(PkceCodeVerifier::new(exchange.code_verifier.expose().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(&Sender { http, now })
        .await?;
    tokens(&response)
}

async fn request_refresh(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    token: &Secret,
) -> Result<Tokens, TokenEndpointError> {
    let assertion = assertion(settings, now)?;
    let client = oauth_client(settings, url.clone());
    let token = RefreshToken::new(token.expose().to_owned());
    let mut request = client.exchange_refresh_token(&token);
    for (name, value) in assertion_parameters(assertion.as_ref()) {
        request = request.add_extra_param(name, value);
    }
    tokens(&request.request_async(&Sender { http, now }).await?)
}

fn oauth_client(settings: &ProviderSettings, url: TokenUrl) -> Endpoint {
    let client = Client::new(ClientId::new(settings.client_id.clone())).set_token_uri(url);
    let (auth_type, secret) = match &settings.client_authentication {
        ClientAuthentication::Basic(secret) => (AuthType::BasicAuth, Some(secret)),
        ClientAuthentication::Post(secret) => (AuthType::RequestBody, Some(secret)),
        ClientAuthentication::PrivateKey { .. } | ClientAuthentication::None => (AuthType::RequestBody, None),
    };
    let client = client.set_auth_type(auth_type);
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// Returns a new assertion if the client authenticates with a private key.
fn assertion(settings: &ProviderSettings, now: UnixTime) -> Result<Option<Secret>, TokenEndpointError> {
    let ClientAuthentication::PrivateKey { key, audience } = &settings.client_authentication else {
        return Ok(None);
    };
    let audience = audience.as_ref().unwrap_or(&settings.issuer);
    let assertion = key.assertion(&settings.client_id, audience, now);
    assertion.map(Some).map_err(|error| TokenEndpointError::NoAssertion(error.to_string()))
}

/// Returns the parameters of RFC 7523 §2.2 if there is an assertion.
fn assertion_parameters(assertion: Option<&Secret>) -> impl Iterator<Item = (&'static str, &str)> {
    let parameters = |assertion| [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
    assertion.map(Secret::expose).map(parameters).into_iter().flatten()
}

#[cfg(test)]
mod tests;
