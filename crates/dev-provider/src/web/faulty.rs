//! Which faults does this request meet, and how is its answer spoilt on the way?

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
use crate::params::{FORM_LIMIT, Params};
use crate::shared::Shared;

/// No healthy answer is longer.
const BODY_LIMIT: usize = 1024 * 1024;

/// The faults taken for one request, for its handler.
#[derive(Clone, Default)]
pub(super) struct Active(pub(super) Vec<Fault>);

/// Takes them as the request arrives, so that a refused request uses them up as well.
pub(super) async fn meet(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut taken = endpoint(&path).map(|endpoint| shared.arming().take(endpoint)).unwrap_or_default();
    if path == "/token" {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = to_bytes(body, FORM_LIMIT).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        if Params::parse(&bytes).once("grant_type") == Some("refresh_token") {
            taken.extend(shared.refresh_arming().take(Endpoint::Token));
        }
        request = Request::from_parts(parts, Body::from(bytes));
    }
    request.extensions_mut().insert(Active(taken.clone()));
    let mut response = next.run(request).await;
    for fault in taken {
        if let Fault::Transport(_, fault) = fault {
            response = spoil(&shared, &path, fault.act(), response).await;
        }
    }
    date(&shared, &mut response);
    response
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

async fn spoil(shared: &Shared, path: &str, act: Act, healthy: Response) -> Response {
    match act {
        Act::Status(status) => bare(status),
        Act::Retype(content_type) => retyped(healthy, content_type),
        Act::Replace(content_type, body) => retyped(body.into_response(), content_type),
        Act::Truncate => half(healthy, false).await,
        Act::HalfWay => half(healthy, true).await,
        Act::Huge => retyped(Response::new(streams::huge()), "application/json"),
        Act::Drip => retyped(Response::new(streams::drip(shared.on_release())), "application/json"),
        Act::Stall => {
            streams::stall(shared.on_release()).await;
            healthy
        }
        Act::ToItself(status) => redirect(status, &shared.url(path)),
        Act::Elsewhere(status) => redirect(status, &format!("{}{path}", shared.elsewhere)),
    }
}

fn bare(status: u16) -> Response {
    let mut response = StatusCode::from_u16(status).unwrap_or_default().into_response();
    if matches!(status, 429 | 503) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("7"));
    }
    response
}

fn redirect(status: u16, location: &str) -> Response {
    let mut response = bare(status);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn retyped(mut response: Response, content_type: &'static str) -> Response {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The first half of the body; with the whole length announced when it is to look broken.
async fn half(healthy: Response, broken: bool) -> Response {
    let (mut parts, body) = healthy.into_parts();
    let mut bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let whole = bytes.len();
    bytes.truncate(whole / 2);
    parts.headers.remove(CONTENT_LENGTH);
    if !broken {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole));
    Response::from_parts(parts, streams::broken(bytes))
}

/// The time of the provider's clock, as wrong as asked for; tokens keep the right time (RFC 9110 §6.6.1).
fn date(shared: &Shared, response: &mut Response) {
    let shown = shared.now().as_secs().saturating_add_signed(shared.date_skew());
    let shown = UNIX_EPOCH.checked_add(Duration::from_secs(shown)).map(httpdate::fmt_http_date);
    if let Some(value) = shown.and_then(|shown| HeaderValue::try_from(shown).ok()) {
        response.headers_mut().insert(DATE, value);
    }
}
