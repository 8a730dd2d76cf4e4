//! What does the provider give for a code?
//!
//! 1. A code is sent once; no answer makes us send it again (RFC 6749 §4.1.2).
//! 2. Client id and secret are form-encoded before they are joined for `Authorization` (RFC 6749 §2.3.1).
//! 3. An `error` is an error, whatever the status says.
//! 4. The ID token is taken as the text the provider sent, and nothing of it is believed here.
//! 5. The answer is a JSON object, each member once; an `expires_in` is a hint, and a negative one a lie.
//! 6. What the provider says about an error is put into a message as short text without control characters.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::client_assertion::ASSERTION_TYPE;
use super::http::{Http, HttpError};
use super::members::Members;
use super::settings::{ClientAuthentication, ProviderSettings};
use crate::access::quoted::quoted;
use crate::flow::ports::{CodeExchange, ExchangeError, UnixTime};
use crate::secret::Secret;

const MOST_BYTES: usize = 64 * 1024;

/// What the provider gave; nothing of it is verified.
pub(super) struct Tokens {
    pub(super) id_token: Secret,
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
    pub(super) expires_in: Option<Duration>,
}

/// The field that OpenID Connect Core §3.1.3.3 adds.
#[derive(Deserialize, Serialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl fmt::Debug for IdTokenField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdTokenField")
    }
}

impl ExtraTokenFields for IdTokenField {}

type Answer = StandardTokenResponse<IdTokenField, BasicTokenType>;
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

/// An answer that holds no tokens.
#[derive(Debug, Error)]
enum NoTokens {
    #[error(transparent)]
    Call(#[from] HttpError),
    #[error("the token endpoint answered {0}")]
    Unwell(StatusCode),
    #[error("the token endpoint's answer is not a JSON object with each member once")]
    Unreadable,
    #[error("the token endpoint's expires_in is negative")]
    NegativeLifetime,
    #[error("the token endpoint answered {status} {} {}", quoted(code), quoted(description))]
    Refused { status: StatusCode, code: String, description: String },
}

/// How oauth2 sends its request: once.
struct Sender<'h>(&'h Http);

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = NoTokens;
    type Future = BoxFuture<'c, Result<HttpResponse, NoTokens>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        async { tokens_or_not(self.0.send(request, MOST_BYTES).await?) }.boxed()
    }
}

/// Exchanges a code (OpenID Connect Core §3.1.3.1).
pub(super) async fn exchange(
    http: &Http,
    settings: &ProviderSettings,
    url: &TokenUrl,
    now: UnixTime,
    exchange: &CodeExchange<'_>,
) -> Result<Tokens, ExchangeError> {
    let redirect = RedirectUrl::new(exchange.redirect_uri.to_owned())
        .map_err(|_| ExchangeError::ClientRefused("the redirect URI is not a URL".to_owned()))?;
    let assertion = assertion(settings, now)?;
    let client = endpoint(settings, url.clone());
    let mut request = client.exchange_code(AuthorizationCode::new(exchange.code.expose().to_owned()));
    if let Some(assertion) = &assertion {
        request = request
            .add_extra_param("client_assertion_type", ASSERTION_TYPE)
            .add_extra_param("client_assertion", assertion.expose());
    }
    let answer = request
        .set_pkce_verifier(PkceCodeVerifier::new(exchange.code_verifier.expose().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(&Sender(http))
        .await
        .map_err(blame)?;
    tokens(&answer).map_err(|what| ExchangeError::ProviderMisbehaved(what.to_owned()))
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
fn assertion(settings: &ProviderSettings, now: UnixTime) -> Result<Option<Secret>, ExchangeError> {
    let ClientAuthentication::PrivateKey { key, audience } = &settings.client_authentication else {
        return Ok(None);
    };
    let audience = audience.as_ref().unwrap_or(&settings.issuer);
    let assertion = key.assertion(&settings.client_id, audience, now);
    assertion.map(Some).map_err(|error| ExchangeError::ClientRefused(error.to_string()))
}

/// Looks at an answer before oauth2 does, which would believe the status alone.
fn tokens_or_not(response: HttpResponse) -> Result<HttpResponse, NoTokens> {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(NoTokens::Unwell(status));
    }
    let members = Members::read(response.body());
    let is_error = members.as_ref().is_some_and(|members| members.get("error").is_some());
    if status == StatusCode::OK && !is_error {
        return plain(response, members.ok_or(NoTokens::Unreadable)?);
    }
    let text = |name| members.as_ref().and_then(|members| members.text(name)).unwrap_or_default().to_owned();
    Err(NoTokens::Refused { status, code: text("error"), description: text("error_description") })
}

/// The answer with an `expires_in` that oauth2 reads: a whole number of seconds, or none.
fn plain(mut response: HttpResponse, mut members: Members) -> Result<HttpResponse, NoTokens> {
    if let Some(given) = members.0.remove("expires_in")
        && let Some(seconds) = lifetime(&given)?
    {
        members.0.insert("expires_in".to_owned(), seconds.into());
    }
    *response.body_mut() = serde_json::to_vec(&members.0).map_err(|_| NoTokens::Unreadable)?;
    Ok(response)
}

/// The seconds of an `expires_in` (RFC 6749 §5.1), which some providers send as text. It is no more than a hint, so what
/// cannot be read counts as absent; but who gives a token that ended before it began is not to be believed.
fn lifetime(given: &Value) -> Result<Option<u64>, NoTokens> {
    let number = given.as_f64().or_else(|| given.as_str().and_then(|text| text.parse().ok()));
    if number.is_some_and(|number| number < 0.0) {
        return Err(NoTokens::NegativeLifetime);
    }
    Ok(given.as_u64().or_else(|| given.as_str().and_then(digits)))
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn tokens(answer: &Answer) -> Result<Tokens, &'static str> {
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err("the access token is not a bearer token");
    }
    let id_token = answer.extra_fields().id_token.as_deref();
    Ok(Tokens {
        id_token: Secret::new(id_token.ok_or("there is no ID token; is openid among provider.scopes?")?),
        access_token: Secret::new(answer.access_token().secret()),
        refresh_token: answer.refresh_token().map(|token| Secret::new(token.secret())),
        expires_in: answer.expires_in(),
    })
}

fn blame(error: RequestTokenError<NoTokens, BasicErrorResponse>) -> ExchangeError {
    match error {
        RequestTokenError::Request(no) => no.blame(),
        RequestTokenError::Other(what) => ExchangeError::ProviderMisbehaved(quoted(&what)),
        // The parser's own words can hold a token.
        RequestTokenError::Parse(..) | RequestTokenError::ServerResponse(_) => {
            ExchangeError::ProviderMisbehaved("the token endpoint's answer cannot be read".to_owned())
        }
    }
}

impl NoTokens {
    /// Whom it blames (RFC 6749 §5.2). Keycloak says `unauthorized_client` for a wrong secret.
    fn blame(&self) -> ExchangeError {
        let text = self.to_string();
        match self {
            Self::Call(call) if call.is_misbehaviour() => ExchangeError::ProviderMisbehaved(text),
            Self::Unreadable | Self::NegativeLifetime => ExchangeError::ProviderMisbehaved(text),
            Self::Call(_) | Self::Unwell(_) => ExchangeError::ProviderUnavailable(text),
            Self::Refused { status, code, .. } => match code.as_str() {
                "invalid_grant" => ExchangeError::CodeRefused(text),
                "invalid_client" | "unauthorized_client" => ExchangeError::ClientRefused(text),
                _ if *status == StatusCode::UNAUTHORIZED => ExchangeError::ClientRefused(text),
                _ => ExchangeError::ProviderMisbehaved(text),
            },
        }
    }
}

#[cfg(test)]
mod tests;
