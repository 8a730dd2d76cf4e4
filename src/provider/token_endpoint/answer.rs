//! What does the token endpoint answer?
//!
//! 1. An `error` is an error, whatever the status says.
//! 2. The tokens are taken as the text the provider sent, and nothing of them is believed here.
//! 3. The answer is a JSON object, each member once; a lifetime is a hint, and a negative `expires_in` a lie.
//! 4. What the provider says about an error is put into a message as short text without control characters.

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use jiff::fmt::rfc2822::DateTimeParser;
use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, ExtraTokenFields, HttpRequest, HttpResponse, RequestTokenError, StandardTokenResponse,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::access::quoted::quoted;
use crate::flow::ports::UnixTime;
use crate::provider::http::{Http, HttpError};
use crate::provider::json_object::UniqueJsonObject;
use crate::secret::Secret;

pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Nobody is kept from refreshing for longer, whatever `Retry-After` says.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What the provider gave; nothing of it is verified.
pub(in crate::provider) struct Tokens {
    pub(in crate::provider) id_token: Option<Secret>,
    pub(in crate::provider) access_token: Secret,
    pub(in crate::provider) refresh_token: Option<Secret>,
    pub(in crate::provider) expires_in: Option<Duration>,
    /// Of the refresh token; 0, by which Keycloak says that there is no end, is none.
    pub(in crate::provider) refresh_expires_in: Option<Duration>,
}

/// The fields that OpenID Connect Core §3.1.3.3 and Keycloak add.
#[derive(Deserialize, Serialize)]
pub(super) struct MoreFields {
    id_token: Option<String>,
    refresh_expires_in: Option<u64>,
}

impl fmt::Debug for MoreFields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MoreFields")
    }
}

impl ExtraTokenFields for MoreFields {}

/// The answer as oauth2 reads it.
pub(super) type Answer = StandardTokenResponse<MoreFields, BasicTokenType>;

/// Why there are no tokens.
#[derive(Debug, Error)]
pub(super) enum TokenEndpointError {
    #[error("the redirect URI is not a URL")]
    BadRedirectUri,
    #[error("{0}")]
    NoAssertion(String),
    #[error(transparent)]
    Call(#[from] HttpError),
    #[error("the token endpoint answered {status}")]
    ServerError { status: StatusCode, retry_after: Option<Duration> },
    #[error("the token endpoint's answer is not a JSON object with each member once")]
    Unreadable,
    #[error("the token endpoint's answer cannot be read")]
    UnreadableTokens,
    #[error("{0}")]
    InvalidTokens(String),
    #[error("the token endpoint's expires_in is negative")]
    NegativeLifetime,
    #[error("the access token is not a bearer token")]
    NotBearer,
    #[error("the token endpoint answered {status} {} {}", quoted(code), quoted(description))]
    Refused { status: StatusCode, code: String, description: String },
}

impl From<RequestTokenError<Self, BasicErrorResponse>> for TokenEndpointError {
    fn from(error: RequestTokenError<Self, BasicErrorResponse>) -> Self {
        match error {
            RequestTokenError::Request(no) => no,
            RequestTokenError::Other(what) => Self::InvalidTokens(quoted(&what)),
            // The parser's own words can hold a token.
            RequestTokenError::Parse(..) | RequestTokenError::ServerResponse(_) => Self::UnreadableTokens,
        }
    }
}

/// How oauth2 sends its request: once.
pub(super) struct Sender<'h> {
    pub(super) http: &'h Http,
    /// What a `Retry-After` that is a date counts from.
    pub(super) now: UnixTime,
}

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = TokenEndpointError;
    type Future = BoxFuture<'c, Result<HttpResponse, TokenEndpointError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        async { tokens_or_not(self.http.send(request, MAX_BYTES).await?, self.now) }.boxed()
    }
}

/// Looks at an answer before oauth2 does, which would believe the status alone.
fn tokens_or_not(response: HttpResponse, now: UnixTime) -> Result<HttpResponse, TokenEndpointError> {
    let status = response.status();
    let members = UniqueJsonObject::read(response.body());
    let is_error = members.as_ref().is_some_and(|members| members.get("error").is_some());
    if status == StatusCode::OK && !is_error {
        return plain(response, members.ok_or(TokenEndpointError::Unreadable)?);
    }
    Err(refusal(&response, now))
}

/// What an answer says that does not give what was asked for.
pub(super) fn refusal(response: &HttpResponse, now: UnixTime) -> TokenEndpointError {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return TokenEndpointError::ServerError { status, retry_after: retry_after(response.headers(), now) };
    }
    let members = UniqueJsonObject::read(response.body());
    let text = |name| members.as_ref().and_then(|members| members.text(name)).unwrap_or_default().to_owned();
    TokenEndpointError::Refused { status, code: text("error"), description: text("error_description") }
}

/// The answer with lifetimes that oauth2 reads: a whole number of seconds, or none.
fn plain(
    mut response: HttpResponse,
    mut members: UniqueJsonObject,
) -> Result<HttpResponse, TokenEndpointError> {
    if let Some(given) = members.0.remove("expires_in")
        && let Some(seconds) = lifetime(&given)?
    {
        members.0.insert("expires_in".to_owned(), seconds.into());
    }
    if let Some(given) = members.0.remove("refresh_expires_in")
        && let Some(seconds) = seconds(&given)
    {
        members.0.insert("refresh_expires_in".to_owned(), seconds.into());
    }
    *response.body_mut() = serde_json::to_vec(&members.0).map_err(|_| TokenEndpointError::Unreadable)?;
    Ok(response)
}

/// The seconds of an `expires_in` (RFC 6749 §5.1), which some providers send as text. It is no more than a hint, so what
/// cannot be read counts as absent; but who gives a token that ended before it began is not to be believed.
fn lifetime(given: &Value) -> Result<Option<u64>, TokenEndpointError> {
    let number = given.as_f64().or_else(|| given.as_str().and_then(|text| text.parse().ok()));
    if number.is_some_and(|number| number < 0.0) {
        return Err(TokenEndpointError::NegativeLifetime);
    }
    Ok(seconds(given))
}

fn seconds(given: &Value) -> Option<u64> {
    given.as_u64().or_else(|| given.as_str().and_then(digits))
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// How long the provider wants to be left alone (RFC 9110 §10.2.3): seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = digits(text).or_else(|| {
        let date = DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(u64::try_from(date.as_second()).ok()?.saturating_sub(now.0))
    })?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

pub(super) fn tokens(answer: &Answer) -> Result<Tokens, TokenEndpointError> {
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(TokenEndpointError::NotBearer);
    }
    let more = answer.extra_fields();
    Ok(Tokens {
        id_token: more.id_token.as_deref().map(Secret::new),
        access_token: Secret::new(answer.access_token().secret()),
        refresh_token: answer.refresh_token().map(|token| Secret::new(token.secret())),
        expires_in: answer.expires_in(),
        refresh_expires_in: more.refresh_expires_in.filter(|seconds| *seconds > 0).map(Duration::from_secs),
    })
}
