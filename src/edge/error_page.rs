//! Error replies: a page for a user, a line for a program
//!
//! The text consists of constants and the request id. Details are only in the log.

use http::{HeaderValue, StatusCode, header};

use super::portal::page::{Problem, RETRY_AFTER};
use super::reply::Reply;
use super::request_id::RequestId;
use crate::access::decision::{Denial, Outage};
use crate::access::surface::Surface;

/// The request that gets an error page.
#[derive(Clone, Copy)]
pub struct Requester {
    /// Whether a user sees the reply.
    pub surface: Surface,
    /// The request id.
    pub id: RequestId,
}

/// Returns a page if a user may see it, else a line of text.
pub fn error_page(problem: &Problem<'_>, requester: Requester) -> Reply {
    if requester.surface.may_have_user() {
        return problem.reply();
    }
    let mut reply = Reply::text(problem.status, problem.line());
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        let retry_after: HeaderValue = RETRY_AFTER;
        reply.headers.insert(header::RETRY_AFTER, retry_after);
    }
    reply
}

impl Reply {
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
            Outage::SessionStore | Outage::Provider => {
                error_page(&Problem::session_unknown(&requester.id.to_string()), requester)
            }
        }
    }
}
