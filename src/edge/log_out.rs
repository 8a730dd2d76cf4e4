//! Headlamp's *Log out*, which removes its own token
//!
//! 1. The request is a POST to `set-token` of a listed cluster, from a page of the same origin.
//! 2. Its body is a JSON object whose `token` is `null` or the empty text. Any other body is a token that a user pasted.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::time::timeout;

use super::error_page::Requester;
use super::reply::Reply;
use super::request_id::RequestId;
use crate::access::decision::{Decision, Denial, Outage, Rules, is_from_own_page};
use crate::access::field_names::{X_FORWARDED_METHOD, X_FORWARDED_URI, only_value};
use crate::access::request::AccessRequest;
use crate::access::target::Target;
use crate::flow::audit::Audit;
use crate::flow::logout::Logout;
use crate::flow::ports::StoreUnavailable;

/// The limit of such a body. A pasted token is shorter.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long such a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns whether the body of a request decides if it signs out.
pub fn may_log_out(rules: &Rules, method: &Method, target: &str) -> bool {
    let target = Target::parse(target.as_bytes());
    rules
        .headlamp
        .as_ref()
        .zip(target.ok())
        .is_some_and(|(headlamp, target)| headlamp.may_log_out(method, target))
}

/// Returns whether a check may be the forwarded request of a log out, whose body is needed.
pub(super) fn may_forward_log_out(rules: &Rules, headers: &HeaderMap) -> bool {
    let target = || only_value(headers, &X_FORWARDED_URI).and_then(|target| target.to_str().ok());
    rules.headlamp.is_some()
        && only_value(headers, &X_FORWARDED_METHOD).is_some_and(|method| method == "POST")
        && target().is_some_and(|target| may_log_out(rules, &Method::POST, target))
}

/// Returns whether a decision lets a user sign out: also while the provider is down, and without any right.
pub(super) fn may_be_signed_out(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::Allow(_)
            | Decision::Fail(Outage::Provider | Outage::ClientRefused)
            | Decision::Deny(Denial::Policy { .. })
    )
}

/// Returns whether a request signs out.
pub(super) fn is_log_out(rules: &Rules, request: &AccessRequest<'_>, body: Option<&[u8]>) -> bool {
    let Some((headlamp, body)) = rules.headlamp.as_ref().zip(body) else { return false };
    headlamp.may_log_out(request.method, request.target)
        && is_from_own_page(request.headers, request.origin)
        && serde_json::from_slice::<Value>(body).is_ok_and(|body| removes_token(&body))
}

fn removes_token(body: &Value) -> bool {
    body.get("token").is_some_and(|token| token.is_null() || token.as_str() == Some(""))
}

/// Signs the user out, and returns the reply to Headlamp's page.
pub(super) async fn log_out(
    (logout, audit): (&Arc<Logout>, &dyn Audit),
    rules: &Rules,
    request: &AccessRequest<'_>,
    id: RequestId,
) -> Reply {
    let origin = request.origin;
    let is_page_origin = rules.origins.sign_in_of(origin) == origin;
    let requester = Requester::new(request.surface(), request.headers, id);
    match logout.sign_out_of_application(origin, request.headers, is_page_origin).await {
        Ok((cookies, subject)) => {
            if let Some(subject) = &subject {
                audit.signed_out(origin.host(), subject, &id);
            }
            Reply::signed_out(&cookies, requester)
        }
        Err(StoreUnavailable) => Reply::unavailable(Outage::SessionStore, requester),
    }
}

/// Reads a body, or returns `None` if it is too long, too slow or broken.
pub async fn read_body(body: Body) -> Option<Bytes> {
    if body.is_end_stream() {
        return None;
    }
    timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await.ok()?.ok()
}
