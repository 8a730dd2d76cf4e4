//! Which client is asking, and can it prove that (RFC 6749 §2.3)?

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64_simd::STANDARD;

use super::token_error::TokenError;
use crate::params::{Params, decode_component};
use crate::settings::Client;

/// What the request offers as its identity.
struct Credentials {
    id: String,
    secret: Option<String>,
}

/// Accepts `client_secret_basic`, `client_secret_post`, and `none` for a client without a secret.
pub(super) fn authenticate<'a>(
    clients: &'a [Client],
    authorization: Option<&str>,
    form: &Params,
) -> Result<&'a Client, TokenError> {
    let credentials = match authorization {
        Some(header) => from_header(header, form)?,
        None => from_form(form)?,
    };
    let client = clients.iter().find(|client| client.id == credentials.id);
    client.filter(|client| proves(client, credentials.secret.as_deref())).ok_or(TokenError::InvalidClient)
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
