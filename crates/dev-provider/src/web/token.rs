//! What does a client get for this code or this refresh token (RFC 6749 §4.1.3 and §6)?

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
use crate::store::{Code, Grant, RefreshRefused, Store};
use crate::tokens::{Issue, Wrong};
use crate::{forge, key_ring};

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Extension(Active(faults)): Extension<Active>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let params = Params::parse(&body);
    let authorization = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    shared.observations().saw_token_request(authorization.as_deref(), &params);
    if faults.iter().any(|fault| matches!(fault, Fault::Transport(_, fault) if !fault.needs_answer())) {
        return StatusCode::OK.into_response();
    }
    let wrong = match prepare(&shared, faults, &params).await {
        Ok(wrong) => wrong,
        Err(error) => return TokenError::from(error).into_response(),
    };
    match exchange(&shared, authorization.as_deref(), &params, &wrong) {
        Ok(body) => reply::json(status(&body), &body),
        Err(error) => {
            shared.count(|observed| &mut observed.token_refused);
            error.into_response()
        }
    }
}

/// What is to be wrong with this answer, and the keys for it, made before anything is redeemed.
async fn prepare(shared: &Shared, mut faults: Vec<Fault>, params: &Params) -> Result<Wrong, Unspecified> {
    if let Some(code) = params.once("code") {
        faults.extend(shared.store().take_faults(code));
    }
    let algorithm = shared.signing_key()?.algorithm();
    if faults.contains(&Fault::Token(TokenFault::KeysRotated)) {
        shared.add_key(algorithm).await?;
        shared.keys().withdraw_old();
    }
    let stranger =
        if forge::wants_stranger(&faults) { Some(key_ring::generate(algorithm).await?) } else { None };
    Ok(Wrong { faults, stranger })
}

/// A fault may have made an error of the answer.
fn status(body: &Value) -> StatusCode {
    if body.get("error").is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

fn exchange(
    shared: &Shared,
    authorization: Option<&str>,
    params: &Params,
    wrong: &Wrong,
) -> Result<Value, TokenError> {
    if params.has_repeats() {
        return Err(TokenError::InvalidRequest("a parameter is repeated"));
    }
    if wrong.has(TokenFault::ErrorInvalidClient) {
        return Err(TokenError::InvalidClient);
    }
    let now = shared.now();
    let client = authenticate(shared, authorization, params, now)?;
    match params.once("grant_type") {
        Some("authorization_code") => by_code(shared, client, params, now, wrong),
        Some("refresh_token") => by_refresh_token(shared, client, params, now, wrong),
        Some(_) => Err(TokenError::UnsupportedGrantType),
        None => Err(TokenError::InvalidRequest("grant_type is missing")),
    }
}

fn by_code(
    shared: &Shared,
    client: &Client,
    params: &Params,
    now: Duration,
    wrong: &Wrong,
) -> Result<Value, TokenError> {
    let code = params.once("code").ok_or(TokenError::InvalidRequest("code is missing"))?;
    let grant_id = opaque()?;
    let refresh_expires = now + shared.settings.refresh_token_life;
    let (grant, nonce) = {
        let mut store = shared.store();
        let redeemed = redeem(&mut store, code, &grant_id, client, params, now)?;
        let grant = grant_for(&redeemed, refresh_expires);
        store.grants.insert(grant_id.clone(), grant.clone());
        (grant, redeemed.request.nonce)
    };
    let nonce = nonce.as_deref();
    let tokens = Issue { grant_id: &grant_id, grant: &grant, user: user(shared, &grant)?, nonce, now, wrong }
        .response(shared)?;
    shared.count(|observed| &mut observed.code_exchange);
    Ok(tokens)
}

/// Marks the code used; a wrong verifier or redirect URI burns it, and a replay kills what it gave (RFC 6749 §4.1.2).
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
    if let Err(error) = check(known, params, now) {
        store.codes.remove(code);
        return Err(error);
    }
    known.redeemed = Some(grant_id.to_owned());
    Ok(known.clone())
}

fn check(code: &Code, params: &Params, now: Duration) -> Result<(), TokenError> {
    if now >= code.expires {
        return Err(TokenError::InvalidGrant("the code has expired"));
    }
    if params.once("redirect_uri") != Some(&code.request.redirect_uri) {
        return Err(TokenError::InvalidGrant("redirect_uri is not that of the authorization request"));
    }
    if !params.once("code_verifier").is_some_and(|verifier| pkce::answers(verifier, &code.request.challenge))
    {
        return Err(TokenError::InvalidGrant("code_verifier does not answer the challenge"));
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
        generation: 0,
        refresh_expires,
        revoked: false,
    }
}

fn by_refresh_token(
    shared: &Shared,
    client: &Client,
    params: &Params,
    now: Duration,
    wrong: &Wrong,
) -> Result<Value, TokenError> {
    let token = params.once("refresh_token").ok_or(TokenError::InvalidRequest("refresh_token is missing"))?;
    let turn = shared.refresh_tokens.read(token);
    let turn = turn.ok_or(TokenError::InvalidGrant("the refresh token is not valid"))?;
    let life = shared.settings.refresh_token_life;
    let moves_on = !wrong.has(TokenFault::RefreshTokenMissing);
    let rotated = shared.store().rotate(&turn, &client.id, now, moves_on.then_some(life));
    let grant = rotated.map_err(|refused| refresh_error(shared, &refused))?;
    let tokens =
        Issue { grant_id: &turn.grant, grant: &grant, user: user(shared, &grant)?, nonce: None, now, wrong }
            .response(shared)?;
    shared.count(|observed| &mut observed.refresh);
    Ok(tokens)
}

fn refresh_error(shared: &Shared, refused: &RefreshRefused) -> TokenError {
    match refused {
        RefreshRefused::Dead => TokenError::InvalidGrant("the refresh token is not valid"),
        RefreshRefused::Reused => {
            shared.count(|observed| &mut observed.reuse_violations);
            TokenError::InvalidGrant("the refresh token was used before")
        }
    }
}

fn user<'a>(shared: &'a Shared, grant: &Grant) -> Result<&'a User, TokenError> {
    shared.user(&grant.username).ok_or(TokenError::InvalidGrant("the user is gone"))
}
