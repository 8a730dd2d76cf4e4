//! `GET /oauth2/callback`: back from the provider.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};

use super::context::Portal;
use super::page::Problem;
use super::visit::Visit;
use crate::access::claims::ClaimError;
use crate::access::own_page::OwnPage;
use crate::access::return_to::ReturnTo;
use crate::edge::reply::Reply;
use crate::flow::audit::{LoginEvent, LoginOutcome};
use crate::flow::callback::{CallbackError, Failed, Finished};
use crate::flow::ports::{BeginError, ExchangeError};

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    let work = finish(Arc::clone(&portal), visit.clone(), uri, headers);
    let answer = portal.detached.run(work).await;
    answer.unwrap_or_else(|| visit.told(&Problem::cannot_tell(&visit.id.to_string())))
}

async fn finish(portal: Arc<Portal>, visit: Visit, uri: Uri, headers: HeaderMap) -> Reply {
    match portal.callback.finish(&visit.origin, &headers, uri.query().unwrap_or_default()).await {
        Ok(finished) => succeeded(&portal, &visit, &finished),
        Err(failed) => did_not(&portal, &visit, failed),
    }
}

/// 303, so that the browser goes on with a GET whatever it came with (RFC 9110 §15.4.4).
fn succeeded(portal: &Portal, visit: &Visit, finished: &Finished) -> Reply {
    portal.audit.login(&LoginEvent {
        outcome: LoginOutcome::Succeeded,
        detail: None,
        subject: Some(&finished.subject),
        host: visit.origin.host(),
        request_id: &visit.id,
    });
    Reply::redirect(StatusCode::SEE_OTHER, finished.return_to.as_str()).with_cookies(&finished.cookies)
}

fn did_not(portal: &Portal, visit: &Visit, failed: Failed) -> Reply {
    portal.audit.login(&LoginEvent {
        outcome: LoginOutcome::from(&failed.error),
        detail: Some(&failed.error),
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
    let return_to = failed.return_to.unwrap_or_else(|| ReturnTo::home(&visit.origin));
    let again = OwnPage::Start.with_return(&visit.origin, &return_to);
    shown(visit, &failed.error, &again).with_cookies(&failed.cookies)
}

/// What the person sees: what happened and what to do. Detail goes to the log alone.
fn shown(visit: &Visit, error: &CallbackError, again: &str) -> Reply {
    let id = visit.id.to_string();
    match error {
        CallbackError::Repeated(_) | CallbackError::NoCode => visit.told(&Problem::bad_request(&id)),
        CallbackError::UnknownState | CallbackError::Exchange(ExchangeError::CodeRefused(_)) => {
            visit.told(&Problem::sign_in_over(again, &id))
        }
        CallbackError::ProviderRefused { .. } => visit.told(&Problem::provider_refused(again, &id)),
        CallbackError::Exchange(ExchangeError::ProviderUnavailable(_) | ExchangeError::ClientRefused(_)) => {
            visit.told(&Problem::provider_unavailable(again, &id))
        }
        CallbackError::Claims(ClaimError::UnverifiedUser(_)) => {
            visit.told(&Problem::name_not_verified(again, &id))
        }
        CallbackError::WrongIssuer(_)
        | CallbackError::Exchange(ExchangeError::ProviderMisbehaved(_))
        | CallbackError::Claims(ClaimError::NoUser(_) | ClaimError::UnfitUser(_)) => {
            visit.told(&Problem::provider_misbehaved(again, &id))
        }
        CallbackError::Exchange(ExchangeError::ClocksDiffer(_)) => {
            visit.told(&Problem::clocks_differ(again, &id))
        }
        CallbackError::GroupsUnknown => visit.told(&Problem::too_many_groups(&id)),
        CallbackError::NotKept(BeginError::TooLarge { .. }) => visit.told(&Problem::session_too_large(&id)),
        CallbackError::NotKept(BeginError::Full(_)) => visit.told(&Problem::no_room(&id)),
        CallbackError::NotKept(BeginError::NoEntropy(_) | BeginError::StoreUnavailable(_)) => {
            visit.told(&Problem::cannot_tell(&id))
        }
    }
}
