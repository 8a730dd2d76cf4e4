//! `GET /oauth2/callback`, which finishes a sign-in

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use super::context::Portal;
use super::page::Problem;
use super::visit::Visit;
use crate::access::claims::ClaimError;
use crate::access::own_page::{ANOTHER_ACCOUNT, INTERACTIVE, OwnPage};
use crate::access::return_to::ReturnTo;
use crate::edge::peer::Peer;
use crate::edge::reply::Reply;
use crate::flow::audit::{LoginEvent, LoginOutcome};
use crate::flow::callback::{CallbackError, CallbackRequest, Failed, Finished, Responsible};
use crate::flow::not_kept::NotKept;
use crate::flow::ports::{BeginError, ExchangeError};

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    let address = peer.client(&headers, &portal.trusted);
    let work = finish(Arc::clone(&portal), visit.clone(), address, uri, headers);
    let reply = portal.detached.run(work).await;
    reply.unwrap_or_else(|| visit.error_page(&Problem::session_unknown(&visit.id.to_string())))
}

async fn finish(portal: Arc<Portal>, visit: Visit, address: IpAddr, uri: Uri, headers: HeaderMap) -> Reply {
    let request = CallbackRequest {
        origin: &visit.origin,
        headers: &headers,
        query: uri.query().unwrap_or_default(),
        address: Some(address),
    };
    match portal.callback.finish(request).await {
        Ok(finished) => redirect_signed_in(&portal, &visit, &finished),
        Err(failed) => repeat(&portal, &visit, &headers, &failed)
            .unwrap_or_else(|| report_failure(&portal, &visit, failed)),
    }
}

/// Begins the sign-in again, if its error says so. Returns `None` if it does not, or if the sign-in cannot begin.
fn repeat(portal: &Portal, visit: &Visit, headers: &HeaderMap, failed: &Failed) -> Option<Reply> {
    let (attempt, return_to) = (failed.next_attempt?, failed.return_to.clone()?);
    let (url, cookies) =
        portal.login.redirect_to_provider(&visit.origin, headers, return_to, attempt).ok()?;
    portal.audit.login(&LoginEvent {
        outcome: LoginOutcome::Repeated,
        detail: Some(&failed.error),
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
    let redirect = Reply::redirect(StatusCode::SEE_OTHER, url.as_str());
    Some(redirect.with_cookies(&failed.cookies).with_cookies(&cookies))
}

/// The provider sent its response in a form. Only a GET can be answered: with a POST from another site, the browser
/// does not send the login cookie (`SameSite=Lax`).
pub(super) async fn post(State(portal): State<Arc<Portal>>, Extension(visit): Extension<Visit>) -> Reply {
    portal.audit.login(&LoginEvent {
        outcome: LoginOutcome::FormPost,
        detail: Some(&FORM_POST),
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
    let mut reply = visit.error_page(&Problem::form_post(&visit.id.to_string()));
    reply.headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

const FORM_POST: &str = "the authorization response came in a form, but only the response mode query is supported; at the \
                         provider, let this client use the query";

/// Redirects with 303, so that the browser continues with a GET after any method (RFC 9110 §15.4.4).
fn redirect_signed_in(portal: &Portal, visit: &Visit, finished: &Finished) -> Reply {
    portal.audit.login(&LoginEvent {
        outcome: LoginOutcome::Succeeded,
        detail: None,
        subject: Some(&finished.subject),
        host: visit.origin.host(),
        request_id: &visit.id,
    });
    Reply::redirect(StatusCode::SEE_OTHER, finished.return_to.as_str()).with_cookies(&finished.cookies)
}

fn report_failure(portal: &Portal, visit: &Visit, failed: Failed) -> Reply {
    portal.audit.login(&LoginEvent {
        outcome: LoginOutcome::from(&failed.error),
        detail: Some(&failed.error),
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
    let return_to = failed.return_to.unwrap_or_else(|| ReturnTo::home(&visit.origin));
    failure_page(visit, &failed.error, &return_to).with_cookies(&failed.cookies)
}

/// Returns the page for the user: what happened and what to do. Details are only in the log.
fn failure_page(visit: &Visit, error: &CallbackError, return_to: &ReturnTo) -> Reply {
    let id = visit.id.to_string();
    let again = &OwnPage::Start.with_return(&visit.origin, return_to);
    let again_with = |parameter| OwnPage::Start.with_parameter(&visit.origin, parameter, return_to);
    match error {
        CallbackError::Repeated(_) | CallbackError::NoCode => visit.error_page(&Problem::bad_request(&id)),
        CallbackError::UnknownState(_) | CallbackError::Exchange(ExchangeError::CodeRefused(_)) => {
            visit.error_page(&Problem::sign_in_ended(again, &id))
        }
        CallbackError::Response(error) if error.needs_interaction() => {
            visit.error_page(&Problem::interaction_required(&again_with(INTERACTIVE), &id))
        }
        CallbackError::Response(error) => visit.error_page(&match error.responsible() {
            Responsible::User => Problem::provider_refused(again, &id),
            Responsible::Operator => Problem::not_configured(again, &id),
            Responsible::Provider => Problem::provider_unavailable(again, &id),
        }),
        CallbackError::Exchange(ExchangeError::ProviderUnavailable(_)) => {
            visit.error_page(&Problem::provider_unavailable(again, &id))
        }
        CallbackError::Exchange(ExchangeError::ClientRefused(_) | ExchangeError::Misconfigured(_))
        | CallbackError::Claims(ClaimError::NoUser(_)) => {
            visit.error_page(&Problem::not_configured(again, &id))
        }
        CallbackError::Claims(ClaimError::UnverifiedUser(_)) => {
            visit.error_page(&Problem::name_not_verified(again, &id))
        }
        CallbackError::WrongIssuer(_)
        | CallbackError::Exchange(ExchangeError::ProviderMisbehaved(_))
        | CallbackError::Claims(ClaimError::InvalidUser(_)) => {
            visit.error_page(&Problem::provider_misbehaved(again, &id))
        }
        CallbackError::Exchange(ExchangeError::InsufficientAuthentication(_)) => {
            visit.error_page(&Problem::insufficient_authentication(&again_with(ANOTHER_ACCOUNT), &id))
        }
        CallbackError::Exchange(ExchangeError::ClocksDiffer(_)) => {
            visit.error_page(&Problem::clocks_differ(again, &id))
        }
        CallbackError::GroupsUnknown => visit.error_page(&Problem::too_many_groups(&id)),
        CallbackError::NotKept(NotKept { error, .. }) => visit.error_page(&match error {
            BeginError::TooLarge { .. } => Problem::session_too_large(&id),
            BeginError::Full(_) => Problem::session_limit_reached(&id),
            BeginError::NoEntropy(_) => Problem::session_unknown(&id),
            BeginError::StoreUnavailable(_) => Problem::session_not_stored(again, &id),
        }),
    }
}
