//! Which client is asking, and can it prove that (RFC 6749 §2.3)?

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64_simd::STANDARD;

use super::client_assertion;
use super::token_error::TokenError;
use crate::params::{Params, decode_component};
use crate::settings::Client;
use crate::shared::Shared;

/// What the request offers as its identity.
struct Credentials {
    id: String,
    secret: Option<String>,
}

/// Accepts `client_secret_basic`, `client_secret_post`, `private_key_jwt`, and `none` for a client without any proof.
pub(super) fn authenticate<'a>(
    shared: &'a Shared,
    authorization: Option<&str>,
    form: &Params,
    now: Duration,
) -> Result<&'a Client, TokenError> {
    if let Some(assertion) = form.once("client_assertion") {
        return from_assertion(shared, assertion, authorization, form, now);
    }
    let credentials = match authorization {
        Some(header) => from_header(header, form)?,
        None => from_form(form)?,
    };
    shared
        .client(&credentials.id)
        .filter(|client| proves(client, credentials.secret.as_deref()))
        .ok_or(TokenError::InvalidClient)
}

fn from_assertion<'a>(
    shared: &'a Shared,
    assertion: &str,
    authorization: Option<&str>,
    form: &Params,
    now: Duration,
) -> Result<&'a Client, TokenError> {
    if authorization.is_some() || form.once("client_secret").is_some() {
        return Err(TokenError::InvalidRequest("more than one way of client authentication"));
    }
    if form.once("client_assertion_type") != Some(client_assertion::TYPE) {
        return Err(TokenError::InvalidRequest("client_assertion_type is not that of a JWT"));
    }
    let client = client_assertion::client(shared, assertion, now).ok_or(TokenError::InvalidClient)?;
    if form.once("client_id").is_some_and(|id| id != client.id) {
        return Err(TokenError::InvalidRequest("client_id is not the one that authenticates"));
    }
    Ok(client)
}

fn from_header(header: &str, form: &Params) -> Result<Credentials, TokenError> {
    if form.once("client_secret").is_some() {
        return Err(TokenError::InvalidRequest("more than one way of client authentication"));
    }
    let credentials = basic(header).ok_or(TokenError::InvalidClient)?;
    if form.once("client_id").is_some_and(|id| id != credentials.id) {
        return Err(TokenError::InvalidRequest("client_id is not the one that authenticates"));
    }
    Ok(credentials)
}

fn from_form(form: &Params) -> Result<Credentials, TokenError> {
    let id = form.once("client_id").ok_or(TokenError::InvalidClient)?.to_owned();
    Ok(Credentials { id, secret: form.once("client_secret").map(str::to_owned) })
}

/// Both halves are form-encoded before they are joined and base64-encoded (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode_to_vec(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some(Credentials { id: decode_component(id)?, secret: Some(decode_component(secret)?) })
}

fn proves(client: &Client, secret: Option<&str>) -> bool {
    if client.secret.is_none() && client.assertion_key.is_some() {
        // Not a public client: its key is its only proof.
        return false;
    }
    match (&client.secret, secret) {
        (Some(expected), Some(given)) => {
            verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
        }
        (None, None) => true,
        // A public client's id with an empty password is what some libraries send.
        (None, Some(given)) => given.is_empty(),
        (Some(_), None) => false,
    }
}
