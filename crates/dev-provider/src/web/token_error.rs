//! Errors of the token endpoint (RFC 6749 §5.2)

use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::reply::{self, Failure};
use crate::fault::token::Refusal;
use aws_lc_rs::error::Unspecified;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant(&'static str),
    UnsupportedGrantType,
    /// An error that a fault requested.
    Requested(Refusal),
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
            Self::InvalidClient => {
                error(StatusCode::UNAUTHORIZED, "invalid_client", "client authentication failed")
            }
            Self::Requested(refusal) => {
                let status = StatusCode::from_u16(refusal.status).unwrap_or_default();
                error(status, refusal.error, &refusal.description.text())
            }
            Self::Failed => Failure.into_response(),
        }
    }
}

fn bad_request(code: &str, description: &str) -> Response {
    error(StatusCode::BAD_REQUEST, code, description)
}

fn error(status: StatusCode, code: &str, description: &str) -> Response {
    let mut response = reply::json(status, &json!({ "error": code, "error_description": description }));
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(r#"Basic realm="dev-provider""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
