//! Errors of the token endpoint (RFC 6749 §5.2)

use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::reply::{self, Failure};
use aws_lc_rs::error::Unspecified;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant(&'static str),
    UnsupportedGrantType,
    /// An error of the provider, not of the client.
    Failed,
}

impl From<Unspecified> for TokenError {
    fn from(_: Unspecified) -> Self {
        Self::Failed
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        match self {
            Self::InvalidRequest(description) => bad_request("invalid_request", description),
            Self::InvalidGrant(description) => bad_request("invalid_grant", description),
            Self::UnsupportedGrantType => bad_request(
                "unsupported_grant_type",
                "only authorization_code and refresh_token are supported",
            ),
            Self::InvalidClient => invalid_client(),
            Self::Failed => Failure.into_response(),
        }
    }
}

fn bad_request(error: &str, description: &str) -> Response {
    reply::json(StatusCode::BAD_REQUEST, &json!({ "error": error, "error_description": description }))
}

fn invalid_client() -> Response {
    let body = json!({ "error": "invalid_client", "error_description": "client authentication failed" });
    let mut response = reply::json(StatusCode::UNAUTHORIZED, &body);
    let challenge = HeaderValue::from_static(r#"Basic realm="dev-provider""#);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
