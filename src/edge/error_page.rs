//! Error replies: a page for a user, a problem for a program (RFC 9457)
//!
//! The text consists of constants and the request id. Details are only in the log. A program that does not accept JSON
//! gets the same as one line.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::accept::accepts_json;
use super::portal::page::{Problem, RETRY_AFTER};
use super::reply::Reply;
use super::request_id::RequestId;
use crate::access::decision::{Denial, Outage};
use crate::access::surface::Surface;
use crate::flow::check::PageReload;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The request that gets an error page.
#[derive(Clone, Copy)]
pub struct Requester {
    /// Whether a user sees the reply.
    pub surface: Surface,
    /// Whether a program accepts JSON.
    pub accepts_json: bool,
    /// The request id.
    pub id: RequestId,
}

impl Requester {
    /// Returns the sender of a request with these fields.
    pub fn new(surface: Surface, headers: &HeaderMap, id: RequestId) -> Self {
        Self { surface, accepts_json: accepts_json(headers), id }
    }

    /// Returns the user of a page of ours.
    pub fn user(id: RequestId) -> Self {
        Self { surface: Surface::Navigation, accepts_json: false, id }
    }
}

/// The members of a problem (RFC 9457 §3.1, and two of our own). Headlamp shows `message` to the user.
#[derive(Serialize)]
struct ProblemDetails<'a> {
    title: &'a str,
    status: u16,
    message: &'a str,
    request_id: &'a str,
}

/// Returns a page if a user may see it, else a problem or a line of text.
pub fn error_page(problem: &Problem<'_>, requester: Requester) -> Reply {
    if requester.surface.may_have_user() {
        return problem.reply();
    }
    let mut reply = for_program(problem, requester);
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        let retry_after: HeaderValue = RETRY_AFTER;
        reply.headers.insert(header::RETRY_AFTER, retry_after);
    }
    reply
}

fn for_program(problem: &Problem<'_>, requester: Requester) -> Reply {
    let Problem { title, status, request_id, .. } = *problem;
    let details = ProblemDetails { title, status: status.as_u16(), message: problem.message(), request_id };
    let json = serde_json::to_vec(&details).ok().filter(|_| requester.accepts_json);
    let reply = json.map_or_else(
        || Reply::text(status, problem.line()),
        |json| Reply::new(status).with_body(PROBLEM_JSON, json),
    );
    reply.varying_by_accept()
}

impl Reply {
    /// The reply to a script or a WebSocket that has no usable session. It may request a reload of the page.
    pub fn unauthenticated(reload: PageReload, requester: Requester) -> Self {
        let id = requester.id.to_string();
        for_program(&Problem::not_signed_in(&id), requester).asking_to_sign_in(reload)
    }

    /// The reply to a script by which the application has signed the user out. The page reloads itself.
    pub fn signed_out(cookies: &[HeaderValue], requester: Requester) -> Self {
        let id = requester.id.to_string();
        for_program(&Problem::signed_out(&id), requester)
            .asking_to_sign_in(PageReload::Yes)
            .with_cookies(cookies)
    }

    /// The reply to a request that breaks a rule. `why` must contain no secret.
    pub fn refused(status: StatusCode, why: &str, requester: Requester) -> Self {
        error_page(&Problem::refused(status, why, &requester.id.to_string()), requester)
    }

    /// The reply to a denied request.
    pub fn denied(denial: &Denial, requester: Requester) -> Self {
        match denial {
            Denial::Policy { user, another_account, .. } => {
                let id = requester.id.to_string();
                error_page(&Problem::not_permitted(user, another_account, &id), requester)
            }
            Denial::Alias(_) | Denial::ForeignField(_) => {
                Self::refused(StatusCode::BAD_REQUEST, &denial.to_string(), requester)
            }
            Denial::CheckItself
            | Denial::UnknownPolicy
            | Denial::ExternalTarget
            | Denial::CrossOriginWebSocket
            | Denial::CrossOriginWrite => {
                Self::refused(StatusCode::FORBIDDEN, &denial.to_string(), requester)
            }
        }
    }

    /// The reply to a request that an earlier check refused, but that may pass now.
    pub fn refusal_not_repeated() -> Self {
        let line = "503: this request was refused, but would pass now; send it again\n";
        let mut reply = Self::text(StatusCode::SERVICE_UNAVAILABLE, line);
        let retry_after: HeaderValue = RETRY_AFTER;
        reply.headers.insert(header::RETRY_AFTER, retry_after);
        reply
    }

    /// The reply if no decision is possible now.
    pub fn unavailable(outage: Outage, requester: Requester) -> Self {
        match outage {
            Outage::SessionStore | Outage::Provider | Outage::ClientRefused => {
                error_page(&Problem::session_unknown(&requester.id.to_string()), requester)
            }
        }
    }
}
