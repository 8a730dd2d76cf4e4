//! JSON responses and internal errors

use aws_lc_rs::error::Unspecified;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

/// The operating system provided no randomness, or signing failed.
pub(super) struct Failure;

impl From<Unspecified> for Failure {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// Returns a JSON response that no cache may store (RFC 6749 §5.1).
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
