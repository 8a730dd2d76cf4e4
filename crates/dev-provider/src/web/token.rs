//! Token endpoint (RFC 6749 §4.1.3 and §6)

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::client_auth::authenticate;
use super::faulty::Active;
use super::reply;
use super::token_error::TokenError;
use crate::fault::{Fault, TokenFault};
use crate::params::Params;
use crate::pkce;
use crate::random::opaque;
use crate::settings::{Client, User};
use crate::shared::Shared;
use crate::store::{Code, Grant, RefreshRefused, Renewal, Store};
use crate::tokens::{Issue, RequestedFaults, Step};
use crate::{forge, key_ring};

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let params = Params::parse(&body);
    let authorization = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    shared.observations().record_token_request(authorization.as_deref(), &params);
    if faults.iter().any(|fault| matches!(fault, Fault::Transport(_, fault) if !fault.needs_answer())) {
        return StatusCode::OK.into_response();
    }
    let requested = match prepare_faults(&shared, faults, &params).await {
        Ok(requested) => requested,
        Err(error) => return TokenError::from(error).into_response(),
    };
    match exchange(&shared, authorization.as_deref(), &params, &requested) {
        Ok(body) => reply::json(status(&body), &body),
        Err(error) => {
            shared.count(|observed| &mut observed.token_refused);
            error.into_response()
        }
    }
}

/// Returns the faults of this response, and generates their keys before anything is redeemed.
async fn prepare_faults(
    shared: &Shared,
    mut faults: Vec<Fault>,
    params: &Params,
) -> Result<RequestedFaults, Unspecified> {
    if let Some(code) = params.single("code") {
        faults.extend(shared.store().take_faults(code));
    }
    let algorithm = shared.signing_key()?.algorithm();
    if faults.contains(&Fault::Token(TokenFault::KeysRotated)) {
        shared.add_key(algorithm).await?;
        shared.keys().withdraw_old();
    }
    let unpublished_key =
        if forge::needs_unpublished_key(&faults) { Some(key_ring::generate(algorithm).await?) } else { None };
    Ok(RequestedFaults { faults, unpublished_key })
}

/// Returns the status. A fault can turn the response into an error.
fn status(body: &Value) -> StatusCode {
    if body.get("error").is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

fn exchange(
    shared: &Shared,
    authorization: Option<&str>,
    params: &Params,
    requested: &RequestedFaults,
) -> Result<Value, TokenError> {
    if params.has_repeats() {
        return Err(TokenError::InvalidRequest("a parameter is repeated"));
    }
    if let Some(refusal) = requested.refusal() {
        return Err(TokenError::Requested(refusal));
    }
    let now = shared.now();
    let client = authenticate(shared, authorization, params, now)?;
    match params.single("grant_type") {
        Some("authorization_code") => exchange_code(shared, client, params, now, requested),
        Some("refresh_token") => exchange_refresh_token(shared, client, params, now, requested),
        Some(_) => Err(TokenError::UnsupportedGrantType),
        None => Err(TokenError::InvalidRequest("grant_type is missing")),
    }
}

fn exchange_code(
    shared: &Shared,
    client: &Client,
    params: &Params,
    now: Duration,
    requested: &RequestedFaults,
) -> Result<Value, TokenError> {
    let code = params.single("code").ok_or(TokenError::InvalidRequest("code is missing"))?;
    let grant_id = opaque()?;
    let refresh_expires = now + shared.settings.refresh_token_life;
    let (grant, nonce) = {
        let mut store = shared.store();
        let redeemed = redeem(&mut store, code, &grant_id, client, params, now)?;
        let grant = grant_for(&redeemed, refresh_expires);
        store.grants.insert(grant_id.clone(), grant.clone());
        (grant, redeemed.request.nonce)
    };
    let tokens = Issue {
        grant_id: &grant_id,
        grant: &grant,
        user: user(shared, &grant)?,
        step: Step::Code,
        nonce: nonce.as_deref(),
        now,
        requested,
    }
    .response(shared)?;
    shared.count(|observed| &mut observed.code_exchange);
    Ok(tokens)
}

/// Marks the code as used. A wrong verifier or redirect URI invalidates it. A replay revokes its tokens (RFC 6749
/// §4.1.2).
fn redeem(
    store: &mut Store,
    code: &str,
    grant_id: &str,
    client: &Client,
    params: &Params,
    now: Duration,
) -> Result<Code, TokenError> {
    const REFUSED: TokenError = TokenError::InvalidGrant("the code is not valid");
    let known = store.codes.get_mut(code).filter(|known| known.request.client_id == client.id);
    let known = known.ok_or(REFUSED)?;
    if let Some(earlier) = known.redeemed.clone() {
        store.revoke(&earlier);
        return Err(TokenError::InvalidGrant("the code was used before"));
    }
    if let Err(error) = check_code(known, params, now) {
        store.codes.remove(code);
        return Err(error);
    }
    known.redeemed = Some(grant_id.to_owned());
    Ok(known.clone())
}

fn check_code(code: &Code, params: &Params, now: Duration) -> Result<(), TokenError> {
    if now >= code.expires {
        return Err(TokenError::InvalidGrant("the code has expired"));
    }
    if params.single("redirect_uri") != Some(&code.request.redirect_uri) {
        return Err(TokenError::InvalidGrant("redirect_uri differs from the authorization request"));
    }
    if !params.single("code_verifier").is_some_and(|verifier| pkce::verify(verifier, &code.request.challenge))
    {
        return Err(TokenError::InvalidGrant("code_verifier does not match the challenge"));
    }
    Ok(())
}

fn grant_for(code: &Code, refresh_expires: Duration) -> Grant {
    Grant {
        client_id: code.request.client_id.clone(),
        username: code.session.username.clone(),
        sid: code.session.sid.clone(),
        auth_time: code.session.auth_time,
        scope: code.request.scope.clone(),
        access_type_offline: code.request.access_type_offline,
        generation: 0,
        refresh_expires,
        revoked: false,
    }
}

fn exchange_refresh_token(
    shared: &Shared,
    client: &Client,
    params: &Params,
    now: Duration,
    requested: &RequestedFaults,
) -> Result<Value, TokenError> {
    let token =
        params.single("refresh_token").ok_or(TokenError::InvalidRequest("refresh_token is missing"))?;
    let presented = shared.refresh_tokens.read(token);
    let presented = presented.ok_or(TokenError::InvalidGrant("the refresh token is not valid"))?;
    let renewal = Renewal {
        rotation: shared.settings.shape.rotation,
        keep_token: requested.keep_refresh_token(),
        expires: now + shared.settings.refresh_token_life,
    };
    let renewed = shared.store().renew(&presented, &client.id, now, renewal);
    let grant = renewed.map_err(|refused| refresh_error(shared, &refused))?;
    let tokens = Issue {
        grant_id: &presented.grant,
        grant: &grant,
        user: user(shared, &grant)?,
        step: Step::Refresh,
        nonce: None,
        now,
        requested,
    }
    .response(shared)?;
    shared.count(|observed| &mut observed.refresh);
    Ok(tokens)
}

fn refresh_error(shared: &Shared, refused: &RefreshRefused) -> TokenError {
    match refused {
        RefreshRefused::Invalid => TokenError::InvalidGrant("the refresh token is not valid"),
        RefreshRefused::Reused => {
            shared.count(|observed| &mut observed.reuse_violations);
            TokenError::InvalidGrant("the refresh token was used before")
        }
    }
}

fn user<'a>(shared: &'a Shared, grant: &Grant) -> Result<&'a User, TokenError> {
    shared.user(&grant.username).ok_or(TokenError::InvalidGrant("the user no longer exists"))
}
