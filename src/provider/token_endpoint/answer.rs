//! Token endpoint responses
//!
//! 1. A response with `error` is an error, regardless of its status.
//! 2. The tokens are the text that the provider sent. This module verifies nothing in them.
//! 3. The response is a JSON object without duplicate members. A lifetime is a hint: one that is unreadable or negative
//!    counts as absent.
//! 4. A member that is not used never makes a response unreadable, whatever its type. `null` counts as absent.
//! 5. Error texts of the provider are shortened and lose their control characters before they are part of a message.

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
use serde_json::{Map, Value};
use thiserror::Error;

use crate::access::quoted::{quoted, quoted_explanation};
use crate::flow::ports::UnixTime;
use crate::provider::http::{Http, HttpError};
use crate::provider::json_object::UniqueJsonObject;
use crate::secret::Secret;

pub(super) const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The longest delay that a `Retry-After` can cause.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The tokens of a response. Nothing in them is verified.
pub(in crate::provider) struct Tokens {
    pub(in crate::provider) id_token: Option<Secret>,
    pub(in crate::provider) access_token: Secret,
    pub(in crate::provider) refresh_token: Option<Secret>,
    pub(in crate::provider) expires_in: Option<Duration>,
    /// The lifetime of the refresh token. Keycloak sends 0 for no expiry, which becomes `None`.
    pub(in crate::provider) refresh_expires_in: Option<Duration>,
}

/// The additional fields of OpenID Connect Core §3.1.3.3 and of Keycloak.
#[derive(Deserialize, Serialize)]
pub(super) struct ExtraFields {
    id_token: Option<String>,
    refresh_expires_in: Option<u64>,
}

impl fmt::Debug for ExtraFields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ExtraFields")
    }
}

impl ExtraTokenFields for ExtraFields {}

/// The response as oauth2 parses it.
pub(super) type Answer = StandardTokenResponse<ExtraFields, BasicTokenType>;

/// The reason why a call returned no tokens.
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
    #[error("the token endpoint's response is not a JSON object with each member once")]
    Unreadable,
    #[error("the token endpoint's response cannot be read")]
    UnreadableTokens,
    #[error("the token endpoint's response has no {0}")]
    Missing(&'static str),
    #[error("{0} in the token endpoint's response is not text")]
    NotText(&'static str),
    #[error("{0}")]
    InvalidTokens(String),
    #[error("the access token is not a bearer token")]
    NotBearer,
    #[error("the token endpoint answered {status} {} {}", quoted(code), quoted_explanation(description))]
    Refused { status: StatusCode, code: String, description: String },
}

impl From<RequestTokenError<Self, BasicErrorResponse>> for TokenEndpointError {
    fn from(error: RequestTokenError<Self, BasicErrorResponse>) -> Self {
        match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::Other(message) => Self::InvalidTokens(quoted(&message)),
            // The parser's message can contain a token.
            RequestTokenError::Parse(..) | RequestTokenError::ServerResponse(_) => Self::UnreadableTokens,
        }
    }
}

/// Sends a request of oauth2, once.
pub(super) struct Sender<'h> {
    pub(super) http: &'h Http,
    /// The time that a `Retry-After` date is compared with.
    pub(super) now: UnixTime,
}

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = TokenEndpointError;
    type Future = BoxFuture<'c, Result<HttpResponse, TokenEndpointError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        async { check_response(self.http.send(request, MAX_RESPONSE_BYTES).await?, self.now) }.boxed()
    }
}

/// Checks a response before oauth2 parses it, because oauth2 considers the status alone.
fn check_response(response: HttpResponse, now: UnixTime) -> Result<HttpResponse, TokenEndpointError> {
    let status = response.status();
    let members = UniqueJsonObject::read(response.body());
    let is_error = members.as_ref().is_some_and(|members| members.get("error").is_some());
    if status == StatusCode::OK && !is_error {
        return keep_used_members(response, &members.ok_or(TokenEndpointError::Unreadable)?);
    }
    Err(error_of(&response, now))
}

/// Returns the error of an unsuccessful response.
pub(super) fn error_of(response: &HttpResponse, now: UnixTime) -> TokenEndpointError {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return TokenEndpointError::ServerError { status, retry_after: retry_after(response.headers(), now) };
    }
    let members = UniqueJsonObject::read(response.body());
    let text = |name| members.as_ref().and_then(|members| members.text(name)).unwrap_or_default().to_owned();
    TokenEndpointError::Refused { status, code: text("error"), description: text("error_description") }
}

/// Rewrites a response to the members that are used, in the types that oauth2 parses. All other members may have any
/// type.
fn keep_used_members(
    mut response: HttpResponse,
    members: &UniqueJsonObject,
) -> Result<HttpResponse, TokenEndpointError> {
    let mut used = Map::new();
    for name in ["access_token", "token_type"] {
        let text = text(members, name)?.ok_or(TokenEndpointError::Missing(name))?;
        used.insert(name.to_owned(), text.into());
    }
    for name in ["id_token", "refresh_token"] {
        // Some providers send an empty text instead of no token.
        if let Some(text) = text(members, name)?.filter(|text| !text.is_empty()) {
            used.insert(name.to_owned(), text.into());
        }
    }
    for name in ["expires_in", "refresh_expires_in"] {
        used.extend(members.get(name).and_then(seconds).map(|seconds| (name.to_owned(), seconds.into())));
    }
    *response.body_mut() = serde_json::to_vec(&used).map_err(|_| TokenEndpointError::Unreadable)?;
    Ok(response)
}

/// Returns the text of a member that may be absent.
fn text<'m>(
    members: &'m UniqueJsonObject,
    name: &'static str,
) -> Result<Option<&'m str>, TokenEndpointError> {
    let text = |value: &'m Value| value.as_str().ok_or(TokenEndpointError::NotText(name));
    members.get(name).map(text).transpose()
}

/// Returns the seconds of a lifetime (RFC 6749 §5.1), which some providers send as text. Some send -1 for no limit.
fn seconds(given: &Value) -> Option<u64> {
    given.as_u64().or_else(|| given.as_str().and_then(digits))
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Returns the delay that the provider requests (RFC 9110 §10.2.3), from a number of seconds or a date.
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
