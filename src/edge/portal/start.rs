//! `GET /oauth2/start`: on to the provider.
//!
//! Only a person who goes to the page begins a sign-in: a script, a frame or a prefetch would only leave cookies behind.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Method, Response, StatusCode, Uri};

use super::page::Problem;
use super::{Portal, Visit, is_embedded, parameter, with_cookies};
use crate::access::return_to::own_page;
use crate::edge::reply;
use crate::flow::audit::{LoginEvent, LoginOutcome};
use crate::flow::login::LoginError;
use crate::flow::ports::Account;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    if is_embedded(&method, &headers) {
        return visit.refused(StatusCode::FORBIDDEN, "a sign-in begins only where a person goes to the page");
    }
    let parameters = parameter(uri.query(), "rd").and_then(|rd| Ok((rd, parameter(uri.query(), "account")?)));
    let (rd, account) = match parameters {
        Ok(parameters) => parameters,
        Err(error) => return visit.refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let account = if account.as_deref() == Some("another") { Account::Another } else { Account::Known };
    match portal.login.start(&visit.origin, &headers, rd.as_deref(), account) {
        Ok(started) => {
            tell(&portal, &visit, LoginOutcome::Started, None);
            with_cookies(reply::redirect(StatusCode::FOUND, started.location.as_str()), started.cookies)
        }
        Err(error) => {
            tell(&portal, &visit, LoginOutcome::ProviderUnavailable, Some(&error));
            let return_to = portal.login.return_to(&visit.origin, rd.as_deref());
            unavailable(&visit, &error, &own_page(&visit.origin, "start", &return_to))
        }
    }
}

fn unavailable(visit: &Visit, error: &LoginError, again: &str) -> Response<Body> {
    let id = visit.id.to_string();
    match error {
        LoginError::ProviderUnavailable(_) => visit.told(&Problem::provider_unavailable(again, &id)),
        LoginError::NoEntropy(_) => visit.told(&Problem::cannot_tell(&id)),
    }
}

fn tell(portal: &Portal, visit: &Visit, outcome: LoginOutcome, error: Option<&LoginError>) {
    portal.audit.login(&LoginEvent {
        outcome,
        detail: error.map(|error| error as &dyn std::fmt::Display),
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
}
