//! What does a client see of each decision?
//!
//! One exhaustive match: a new arm of [`Decision`] or [`Denial`] does not compile until it is rendered here.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::portal::page::{Problem, RETRY_AFTER};
use super::request_id::RequestId;
use crate::access::decision::{Challenge, Decision, Denial, Grant, Outage};
use crate::access::surface::Surface;
use crate::flow::check::{Checked, PageReload};

const X_RELOAD: HeaderName = HeaderName::from_static("x-reload");
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const VARY_COOKIE: HeaderValue = HeaderValue::from_static("Cookie");
/// No browser knows this scheme, so none asks for a password; RFC 9110 §15.5.2 wants one.
pub(super) const SESSION_SCHEME: HeaderValue = HeaderValue::from_static("Session realm=\"foregate\"");

/// Who is told.
#[derive(Clone, Copy)]
pub struct Asker {
    /// How the browser asked: people get pages, programs get a line.
    pub surface: Surface,
    /// The name of the request.
    pub id: RequestId,
}

/// Answers an authorization check: 200 with the edits as headers, or the refusal itself.
pub fn check(checked: Checked, asker: impl FnOnce() -> Asker) -> Response<Body> {
    let deliver = checked.pending_cookies.clone();
    match grant_or_refusal(checked, asker) {
        Ok(grant) => {
            let mut response = granted(&grant);
            deliver_to(&mut response, deliver.as_deref());
            response
        }
        Err(refusal) => *refusal,
    }
}

/// Sets the cookies that the browser should have.
pub fn deliver_to(response: &mut Response<Body>, cookies: Option<&[HeaderValue]>) {
    for cookie in cookies.unwrap_or_default() {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
}

/// The grant, or what the client sees instead.
pub fn grant_or_refusal(
    checked: Checked,
    asker: impl FnOnce() -> Asker,
) -> Result<Grant, Box<Response<Body>>> {
    Err(Box::new(match checked.decision {
        Decision::Allow(grant) => return Ok(grant),
        Decision::Challenge(challenge) => challenged(challenge, checked.reload),
        Decision::Deny(denial) => denied(&denial, asker()),
        Decision::Fail(outage) => failed(outage, asker()),
    }))
}

/// Exactly 200: some proxies take no other status for a yes.
fn granted(grant: &Grant) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    for (name, value) in grant.fields() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn challenged(challenge: Challenge, reload: PageReload) -> Response<Body> {
    match challenge {
        Challenge::SignIn(url) => redirect(StatusCode::FOUND, &url),
        Challenge::FormNotSent(url) => redirect(StatusCode::SEE_OTHER, &url),
        Challenge::Unauthenticated => {
            let mut response = bare(StatusCode::UNAUTHORIZED);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, SESSION_SCHEME);
            if !matches!(reload, PageReload::No) {
                response.headers_mut().insert(X_RELOAD, HeaderValue::from_static("reload"));
            }
            if let PageReload::YesAndCount(cookie) = reload {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
            *response.body_mut() =
                Body::from("401: nobody is signed in; open a page of this site in a browser\n");
            response
        }
    }
}

fn denied(denial: &Denial, asker: Asker) -> Response<Body> {
    let id = asker.id.to_string();
    match denial {
        Denial::Policy { user, another_account, .. } => {
            told(&Problem::not_permitted(user, another_account, &id), asker)
        }
        Denial::Alias(alias) => refused(StatusCode::BAD_REQUEST, &alias.to_string(), asker),
        Denial::UnknownPolicy | Denial::ForeignWebSocket | Denial::ForeignWrite => {
            refused(StatusCode::FORBIDDEN, &denial.to_string(), asker)
        }
    }
}

fn failed(outage: Outage, asker: Asker) -> Response<Body> {
    match outage {
        Outage::SessionStore | Outage::Provider => told(&Problem::cannot_tell(&asker.id.to_string()), asker),
    }
}

/// A request that is not acceptable, and why, in words that hold nothing secret.
pub fn refused(status: StatusCode, why: &str, asker: Asker) -> Response<Body> {
    told(&Problem::refused(status, why, &asker.id.to_string()), asker)
}

/// A page for a person, a line for a program.
pub fn told(problem: &Problem<'_>, asker: Asker) -> Response<Body> {
    if asker.surface == Surface::Navigation {
        return problem.reply();
    }
    let mut response = bare(problem.status);
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    *response.body_mut() = Body::from(problem.line());
    response
}

/// A redirect to an absolute URL; one that no header can carry cannot come out of a parsed URL.
pub fn redirect(status: StatusCode, url: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(url) else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut response = bare(status);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// An empty reply of ours: never stored, and another one for another cookie.
pub fn bare(status: StatusCode) -> Response<Body> {
    let mut response = empty(status);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().reserve(10);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response.headers_mut().insert(header::VARY, VARY_COOKIE);
    response
}
