//! Authorization endpoint: a code, the sign-in form, or an error (Core §3.1.2)

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::page::{self, SignIn};
use super::reply::Failure;
use super::sso;
use super::validate::{
    Destination, Refusal, asks_for_unknown_scope, destination, oldest_sign_in, requested_faults, validate,
};
use crate::fault::{Endpoint, Fault};
use crate::params::Params;
use crate::random::opaque;
use crate::redirect::{see_other, with_query};
use crate::shape::{Shape, UnknownScopes};
use crate::shared::Shared;
use crate::store::{AuthorizationRequest, Code, Pending, Session};

/// The maximum size of a query in bytes. The limit exists because requests are stored and observed.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// The lifetime of a sign-in page.
const FORM_LIFETIME: Duration = Duration::from_mins(10);

pub(super) async fn authorize(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return Ok(StatusCode::URI_TOO_LONG.into_response());
    }
    let params = Params::parse(query.as_bytes());
    shared.observations().record_authorization(&params);
    let (destination, faults) = match check_before_redirect(&shared, &params) {
        Ok(checked) => checked,
        Err(message) => return Ok(page::notice(StatusCode::BAD_REQUEST, "Sign-in refused", message)),
    };
    let now = shared.now();
    let session = live_session(&shared, &headers, now);
    match next_step(&shared.settings.shape, &params, &destination, faults, session.as_ref(), now) {
        Ok(Next::Code(request, session)) => redirect_with_code(&shared, request, session, now),
        Ok(Next::Form(request)) => show_form(&shared, &params, request, now),
        Err(refusal) => Ok(redirect_with_error(&shared, &destination, refusal)),
    }
}

/// Checks the parameters that must be valid before any redirect.
fn check_before_redirect<'a>(
    shared: &Shared,
    params: &'a Params,
) -> Result<(Destination<'a>, Vec<Fault>), &'static str> {
    let checked = (destination(shared, params)?, requested_faults(shared, params)?);
    let shape = &shared.settings.shape;
    if shape.unknown_scopes == UnknownScopes::Page && asks_for_unknown_scope(shape, params) {
        return Err("The application may not request one of these scopes.");
    }
    Ok(checked)
}

fn live_session(shared: &Shared, headers: &HeaderMap, now: Duration) -> Option<Session> {
    let cookie = sso::cookie(headers)?;
    shared.store().live_session(cookie, now).cloned()
}

/// The response to a valid request.
enum Next {
    Code(AuthorizationRequest, Session),
    Form(AuthorizationRequest),
}

fn next_step(
    shape: &Shape,
    params: &Params,
    destination: &Destination<'_>,
    faults: Vec<Fault>,
    session: Option<&Session>,
    now: Duration,
) -> Result<Next, Refusal> {
    let request = validate(shape, params, destination, faults)?;
    let prompt = params.words("prompt");
    let silent = prompt.contains(&"none");
    if silent && prompt.len() > 1 {
        return Err(("invalid_request", "prompt=none must be the only prompt"));
    }
    let requires_sign_in = prompt.contains(&"login") || prompt.contains(&"select_account");
    let oldest = oldest_sign_in(params, now)?;
    match session.filter(|session| !requires_sign_in && session.auth_time >= oldest) {
        Some(session) => Ok(Next::Code(request, session.clone())),
        None if silent => Err(("login_required", "no user is signed in")),
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
        username: params.single("login_hint").unwrap_or_default(),
        message: None,
    });
    shared.store().pending.insert(id, Pending { request, expires: now + FORM_LIFETIME });
    Ok(page)
}

fn redirect_with_error(shared: &Shared, destination: &Destination<'_>, refusal: Refusal) -> Response {
    let (error, description) = refusal;
    let parameters = [("error", error), ("error_description", description)];
    see_other(&redirect_location(shared, destination.redirect_uri, &parameters, destination.state))
}

/// Returns the redirect location with the response parameters, the `state` of the client and `iss` (RFC 9207 §2).
fn redirect_location(
    shared: &Shared,
    redirect_uri: &str,
    parameters: &[(&str, &str)],
    state: Option<&str>,
) -> String {
    let state = state.map(|state| ("state", state));
    let announces_iss =
        !shared.settings.shape.omits_metadata("authorization_response_iss_parameter_supported");
    let iss = announces_iss.then_some(("iss", shared.issuer.as_str()));
    let all = parameters.iter().copied().chain(state).chain(iss);
    let mut pairs: Vec<(String, String)> =
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for fault in shared.arming().take(Endpoint::Authorization) {
        if let Fault::Authorization(fault) = fault {
            fault.apply(&mut pairs);
        }
    }
    with_query(redirect_uri, &pairs)
}

/// Redirects the browser to the client with a code for this session. The sign-in form uses this function as well.
pub(super) fn redirect_with_code(
    shared: &Shared,
    request: AuthorizationRequest,
    session: Session,
    now: Duration,
) -> Result<Response, Failure> {
    let code = opaque()?;
    let location =
        redirect_location(shared, &request.redirect_uri, &[("code", &code)], request.state.as_deref());
    let expires = now + shared.settings.code_life;
    shared.store().codes.insert(code, Code { request, session, expires, redeemed: None });
    Ok(see_other(&location))
}
