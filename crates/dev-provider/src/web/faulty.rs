//! Selection of the faults of a request, and transport faults of its response

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::streams;
use crate::fault::transport::Act;
use crate::fault::{Endpoint, Fault};
use crate::params::{MAX_FORM_BYTES, Params};
use crate::refresh_plan::{RefreshPlan, RefreshSeen};
use crate::shared::Shared;

/// Healthy responses are shorter, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_STALL: Duration = Duration::from_mins(1);

/// The faults that affect one request, for its handler.
#[derive(Clone, Default)]
pub(super) struct Active(pub(super) Vec<Fault>);

/// Selects the faults when the request arrives, so that a refused request uses them up as well.
pub(super) async fn apply_faults(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let mut faults = endpoint(&path).map(|endpoint| shared.arming().take(endpoint)).unwrap_or_default();
    let mut delay = Duration::ZERO;
    if path == "/token" {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = to_bytes(body, MAX_FORM_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let params = Params::parse(&bytes);
        if params.single("grant_type") == Some("refresh_token") {
            faults.extend(shared.refresh_arming().take(Endpoint::Token));
            let plan = plan_refresh(&shared, &params);
            faults.extend(plan.faults);
            delay = plan.delay;
        }
        request = Request::from_parts(parts, Body::from(bytes));
    }
    request.extensions_mut().insert(Active(faults.clone()));
    let mut response = next.run(request).await;
    for fault in faults {
        if let Fault::Transport(_, fault) = fault {
            response = apply_transport_fault(&shared, &path, fault.act(), response).await;
        }
    }
    streams::wait(shared.on_release(), delay).await;
    set_date(&shared, &mut response);
    response
}

/// Returns what the rule of the test decides about a refresh with these parameters.
fn plan_refresh(shared: &Shared, params: &Params) -> RefreshPlan {
    let rule = shared.refresh_rule().clone();
    let presented = params.single("refresh_token").and_then(|token| shared.refresh_tokens.read(token));
    let seen = presented.and_then(|presented| {
        let store = shared.store();
        let grant = store.grants.get(&presented.grant)?;
        let is_valid = !grant.revoked && grant.generation == presented.generation;
        let (username, generation) = (grant.username.clone(), presented.generation);
        Some(RefreshSeen { username, grant: presented.grant, generation, is_valid })
    });
    match (rule, seen) {
        (Some(rule), Some(seen)) => rule(&seen),
        _ => RefreshPlan::default(),
    }
}

fn endpoint(path: &str) -> Option<Endpoint> {
    match path {
        "/token" => Some(Endpoint::Token),
        "/.well-known/openid-configuration" => Some(Endpoint::Discovery),
        "/jwks" => Some(Endpoint::Jwks),
        "/userinfo" => Some(Endpoint::Userinfo),
        _ => None,
    }
}

async fn apply_transport_fault(shared: &Shared, path: &str, act: Act, healthy: Response) -> Response {
    match act {
        Act::Status(status) => empty_response(status),
        Act::Retype(content_type) => with_content_type(healthy, content_type),
        Act::Replace(content_type, body) => with_content_type(body.into_response(), content_type),
        Act::Truncate => halve_body(healthy, false).await,
        Act::HalfWay => halve_body(healthy, true).await,
        Act::Huge => with_content_type(Response::new(streams::huge()), "application/json"),
        Act::Drip => with_content_type(Response::new(streams::drip(shared.on_release())), "application/json"),
        Act::Stall => {
            streams::wait(shared.on_release(), MAX_STALL).await;
            healthy
        }
        Act::ToItself(status) => redirect(status, &shared.url(path)),
        Act::Elsewhere(status) => redirect(status, &format!("{}{path}", shared.elsewhere)),
    }
}

fn empty_response(status: u16) -> Response {
    let mut response = StatusCode::from_u16(status).unwrap_or_default().into_response();
    if matches!(status, 429 | 503) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("7"));
    }
    response
}

fn redirect(status: u16, location: &str) -> Response {
    let mut response = empty_response(status);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn with_content_type(mut response: Response, content_type: &'static str) -> Response {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Returns the first half of the body. If `broken`, the response announces the whole length.
async fn halve_body(healthy: Response, broken: bool) -> Response {
    let (mut parts, body) = healthy.into_parts();
    let mut bytes = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let whole = bytes.len();
    bytes.truncate(whole / 2);
    parts.headers.remove(CONTENT_LENGTH);
    if !broken {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole));
    Response::from_parts(parts, streams::broken(bytes))
}

/// Sets `Date` to the time of the provider's clock plus the configured skew (RFC 9110 §6.6.1). Tokens keep the
/// correct time.
fn set_date(shared: &Shared, response: &mut Response) {
    let shown = shared.now().as_secs().saturating_add_signed(shared.date_skew());
    let shown = UNIX_EPOCH.checked_add(Duration::from_secs(shown)).map(httpdate::fmt_http_date);
    if let Some(value) = shown.and_then(|shown| HeaderValue::try_from(shown).ok()) {
        response.headers_mut().insert(DATE, value);
    }
}
