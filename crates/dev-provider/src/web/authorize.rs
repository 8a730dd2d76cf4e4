//! What does an authorization request get: a code, the sign-in form, or an error (Core §3.1.2)?

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::page::{self, SignIn};
use super::reply::Failure;
use super::sso;
use super::validate::{Destination, Refusal, destination, faults, oldest_sign_in, validate};
use crate::fault::{Endpoint, Fault};
use crate::params::Params;
use crate::random::opaque;
use crate::redirect::{see_other, with_query};
use crate::shared::Shared;
use crate::store::{AuthorizationRequest, Code, Pending, Session};

/// A request is remembered and observed, so it may not be of any size.
const QUERY_LIMIT: usize = 16 * 1024;

/// How long a sign-in page waits for its form.
const PENDING_LIFE: Duration = Duration::from_mins(10);

pub(super) async fn authorize(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    if query.len() > QUERY_LIMIT {
        return Ok(StatusCode::URI_TOO_LONG.into_response());
    }
    let params = Params::parse(query.as_bytes());
    shared.observations().saw_authorization(&params);
    let (destination, faults) = match known(&shared, &params) {
        Ok(known) => known,
        Err(message) => return Ok(page::notice(StatusCode::BAD_REQUEST, "Sign-in refused", message)),
    };
    let now = shared.now();
    let session = live_session(&shared, &headers, now);
    match answer(&params, &destination, faults, session.as_ref(), now) {
        Ok(Next::Code(request, session)) => redirect_with_code(&shared, request, session, now),
        Ok(Next::Form(request)) => show_form(&shared, &params, request, now),
        Err(refusal) => Ok(redirect_with_error(&shared, &destination, refusal)),
    }
}

/// What has to be right before anything is redirected.
fn known<'a>(shared: &Shared, params: &'a Params) -> Result<(Destination<'a>, Vec<Fault>), &'static str> {
    Ok((destination(shared, params)?, faults(shared, params)?))
}

fn live_session(shared: &Shared, headers: &HeaderMap, now: Duration) -> Option<Session> {
    let cookie = sso::cookie(headers)?;
    shared.store().live_session(cookie, now).cloned()
}

/// What a valid request leads to.
enum Next {
    Code(AuthorizationRequest, Session),
    Form(AuthorizationRequest),
}

fn answer(
    params: &Params,
    destination: &Destination<'_>,
    faults: Vec<Fault>,
    session: Option<&Session>,
    now: Duration,
) -> Result<Next, Refusal> {
    let request = validate(params, destination, faults)?;
    let prompt = params.words("prompt");
    let silent = prompt.contains(&"none");
    if silent && prompt.len() > 1 {
        return Err(("invalid_request", "prompt=none goes with no other prompt"));
    }
    let asks_again = prompt.contains(&"login") || prompt.contains(&"select_account");
    let oldest = oldest_sign_in(params, now)?;
    match session.filter(|session| !asks_again && session.auth_time >= oldest) {
        Some(session) => Ok(Next::Code(request, session.clone())),
        None if silent => Err(("login_required", "nobody is signed in")),
        None => Ok(Next::Form(request)),
    }
}

fn show_form(
    shared: &Shared,
    params: &Params,
    request: AuthorizationRequest,
    now: Duration,
) -> Result<Response, Failure> {
    let id = opaque()?;
    let page = page::sign_in(&SignIn {
        pending: &id,
        client: &request.client_id,
        redirect_uri: &request.redirect_uri,
        username: params.once("login_hint").unwrap_or_default(),
        message: None,
    });
    shared.store().pending.insert(id, Pending { request, expires: now + PENDING_LIFE });
    Ok(page)
}

fn redirect_with_error(shared: &Shared, destination: &Destination<'_>, refusal: Refusal) -> Response {
    let (error, description) = refusal;
    let said = [("error", error), ("error_description", description)];
    see_other(&location(shared, destination.redirect_uri, &said, destination.state))
}

/// Where the browser goes, with what is said to the client, its state and who says it (RFC 9207 §2).
fn location(shared: &Shared, redirect_uri: &str, said: &[(&str, &str)], state: Option<&str>) -> String {
    let state = state.map(|state| ("state", state));
    let all = said.iter().copied().chain(state).chain([("iss", shared.issuer.as_str())]);
    let mut pairs: Vec<(String, String)> =
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for fault in shared.arming().take(Endpoint::Authorization) {
        if let Fault::Authorization(fault) = fault {
            fault.apply(&mut pairs);
        }
    }
    with_query(redirect_uri, &pairs)
}

/// Sends the browser back with a code for this session; sign-in by form ends here as well.
pub(super) fn redirect_with_code(
    shared: &Shared,
    request: AuthorizationRequest,
    session: Session,
    now: Duration,
) -> Result<Response, Failure> {
    let code = opaque()?;
    let location = location(shared, &request.redirect_uri, &[("code", &code)], request.state.as_deref());
    let expires = now + shared.settings.code_life;
    shared.store().codes.insert(code, Code { request, session, expires, redeemed: None });
    Ok(see_other(&location))
}
