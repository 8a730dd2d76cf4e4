//! Client authentication (RFC 6749 §2.3)

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64_simd::STANDARD;

use super::client_assertion;
use super::token_error::TokenError;
use crate::params::{Params, decode_component};
use crate::settings::Client;
use crate::shared::Shared;

/// The client id and secret of a request.
struct Credentials {
    id: String,
    secret: Option<String>,
}

/// Authenticates the client by `client_secret_basic`, `client_secret_post`, `private_key_jwt`, or `none` for a public
/// client.
pub(super) fn authenticate<'a>(
    shared: &'a Shared,
    authorization: Option<&str>,
    form: &Params,
    now: Duration,
) -> Result<&'a Client, TokenError> {
    if let Some(assertion) = form.single("client_assertion") {
        return from_assertion(shared, assertion, authorization, form, now);
    }
    let credentials = match authorization {
        Some(header) => from_header(header, form)?,
        None => from_form(form)?,
    };
    shared
        .client(&credentials.id)
        .filter(|client| secret_matches(client, credentials.secret.as_deref()))
        .ok_or(TokenError::InvalidClient)
}

fn from_assertion<'a>(
    shared: &'a Shared,
    assertion: &str,
    authorization: Option<&str>,
    form: &Params,
    now: Duration,
) -> Result<&'a Client, TokenError> {
    if authorization.is_some() || form.single("client_secret").is_some() {
        return Err(TokenError::InvalidRequest("more than one client authentication method"));
    }
    if form.single("client_assertion_type") != Some(client_assertion::TYPE) {
        return Err(TokenError::InvalidRequest("client_assertion_type is not the JWT type"));
    }
    let client =
        client_assertion::authenticate_client(shared, assertion, now).ok_or(TokenError::InvalidClient)?;
    if form.single("client_id").is_some_and(|id| id != client.id) {
        return Err(TokenError::InvalidRequest("client_id differs from the authenticated client"));
    }
    Ok(client)
}

fn from_header(header: &str, form: &Params) -> Result<Credentials, TokenError> {
    if form.single("client_secret").is_some() {
        return Err(TokenError::InvalidRequest("more than one client authentication method"));
    }
    let credentials = parse_basic(header).ok_or(TokenError::InvalidClient)?;
    if form.single("client_id").is_some_and(|id| id != credentials.id) {
        return Err(TokenError::InvalidRequest("client_id differs from the authenticated client"));
    }
    Ok(credentials)
}

fn from_form(form: &Params) -> Result<Credentials, TokenError> {
    let id = form.single("client_id").ok_or(TokenError::InvalidClient)?.to_owned();
    Ok(Credentials { id, secret: form.single("client_secret").map(str::to_owned) })
}

/// Parses a Basic header. The client id and the secret are form-encoded, joined and then base64-encoded (RFC 6749
/// §2.3.1).
fn parse_basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode_to_vec(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some(Credentials { id: decode_component(id)?, secret: Some(decode_component(secret)?) })
}

fn secret_matches(client: &Client, secret: Option<&str>) -> bool {
    if client.secret.is_none() && client.assertion_key.is_some() {
        // This client is not public: it can authenticate with its key only.
        return false;
    }
    match (&client.secret, secret) {
        (Some(expected), Some(given)) => {
            verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
        }
        (None, None) => true,
        // Some libraries send the id of a public client with an empty password.
        (None, Some(given)) => given.is_empty(),
        (Some(_), None) => false,
    }
}
