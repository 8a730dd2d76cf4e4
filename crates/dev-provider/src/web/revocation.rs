//! Revocation endpoint (RFC 7009)

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::client_auth::authenticate;
use super::token_error::TokenError;
use crate::params::Params;
use crate::shared::Shared;

pub(super) async fn revoke(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let params = Params::parse(&body);
    let authorization = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match revoke_refresh_token(&shared, authorization.as_deref(), &params) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

/// Revokes a refresh token. An unknown token counts as revoked (§2.2).
fn revoke_refresh_token(
    shared: &Shared,
    authorization: Option<&str>,
    params: &Params,
) -> Result<(), TokenError> {
    let client = authenticate(shared, authorization, params, shared.now())?;
    let token = params.single("token").ok_or(TokenError::InvalidRequest("token is missing"))?;
    if let Some(content) = shared.refresh_tokens.read(token)
        && shared.store().revoke_for_client(&content.grant, &client.id)
    {
        shared.count(|observed| &mut observed.revocation);
    }
    Ok(())
}
