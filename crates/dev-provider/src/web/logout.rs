//! End-session endpoint (RP-Initiated Logout 1.0)

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use super::{page, sso};
use crate::jwt::{self, Kind};
use crate::params::Params;
use crate::redirect::{is_registered, see_other, with_query};
use crate::shared::Shared;

/// The client and session of a valid hint.
struct Hint {
    client_id: String,
    /// Absent if the provider issues ID tokens without `sid`.
    sid: Option<String>,
}

pub(super) async fn by_query(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    logout(&shared, &Params::parse(query.unwrap_or_default().as_bytes()), &headers)
}

pub(super) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    logout(&shared, &Params::parse(&body), &headers)
}

/// Checks the whole request before it ends a session, so that a refused request changes nothing.
fn logout(shared: &Shared, params: &Params, headers: &HeaderMap) -> Response {
    shared.count(|observed| &mut observed.end_session);
    let (hint, location) = match check(shared, params) {
        Ok(checked) => checked,
        Err(message) => return page::notice(StatusCode::BAD_REQUEST, "Sign-out refused", message),
    };
    end_sessions(shared, hint.as_ref(), headers);
    let mut response = match location {
        Some(location) => see_other(&location),
        None => page::notice(StatusCode::OK, "You are signed out", "You can close this page."),
    };
    if let Some(header) = sso::clear_cookie(shared) {
        response.headers_mut().insert(SET_COOKIE, header);
    }
    response
}

fn check(shared: &Shared, params: &Params) -> Result<(Option<Hint>, Option<String>), &'static str> {
    if params.has_repeats() {
        return Err("A parameter is repeated.");
    }
    let hint = match params.single("id_token_hint") {
        Some(token) => {
            Some(read_hint(shared, token).ok_or("The ID token hint was not issued by this provider.")?)
        }
        None => None,
    };
    let asked = params.single("client_id");
    let hinted = hint.as_ref().map(|hint| hint.client_id.as_str());
    if asked.is_some() && hinted.is_some() && asked != hinted {
        return Err("The ID token hint belongs to another application.");
    }
    let location = redirect_location(shared, params, hinted.or(asked))?;
    Ok((hint, location))
}

/// Reads a hint. An expired hint is valid, because it only names the session (RP-Initiated Logout §2).
fn read_hint(shared: &Shared, token: &str) -> Option<Hint> {
    let claims = jwt::read(&shared.keys().all(), Kind::Id, token)?;
    let text = |name: &str| claims.get(name)?.as_str().map(str::to_owned);
    Some(Hint { client_id: text("aud")?, sid: text("sid") })
}

/// Returns the requested redirect URI with the `state`. Returns an error if it is not registered for the client.
fn redirect_location(
    shared: &Shared,
    params: &Params,
    client_id: Option<&str>,
) -> Result<Option<String>, &'static str> {
    let Some(uri) = params.single("post_logout_redirect_uri") else {
        return Ok(None);
    };
    let client = client_id.and_then(|id| shared.client(id));
    let client = client.ok_or("A redirect URI needs an ID token hint or a registered client_id.")?;
    if !is_registered(&client.post_logout_redirect_uris, uri) {
        return Err("The redirect URI is not registered for this application.");
    }
    let state: Vec<(&str, &str)> = params.single("state").map(|state| ("state", state)).into_iter().collect();
    Ok(Some(with_query(uri, &state)))
}

/// Ends the session of the hint and the session of this browser. A server may send the hint without a cookie.
fn end_sessions(shared: &Shared, hint: Option<&Hint>, headers: &HeaderMap) {
    let mut store = shared.store();
    let of_browser = sso::cookie(headers).and_then(|cookie| store.sessions.get(cookie));
    let of_browser = of_browser.map(|session| session.sid.clone());
    for sid in hint.and_then(|hint| hint.sid.clone()).into_iter().chain(of_browser) {
        store.end_session(&sid);
    }
}
