//! `/oauth2/sign_out`: a GET asks, a POST from our own page acts; `/oauth2/signed_out`: that it is done.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};

use super::context::Portal;
use super::page::{Problem, SignOut, SignedOut, page, page_with_form_to};
use super::visit::{Visit, parameter};
use crate::access::own_page::OwnPage;
use crate::edge::reply::Reply;
use crate::flow::ports::SessionState;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Reply {
    portal
        .sessions
        .read(visit.session_request(&headers, portal.clock.now()), |opened| match opened.state {
            SessionState::Usable(session) => question(&portal, Some(session.credential.user.user)),
            SessionState::Refreshable(_) | SessionState::Absent(_) | SessionState::Undetermined(_) => {
                question(&portal, None)
            }
        })
        .await
}

/// The page that asks. Its form leads to the provider, which the page's policy must allow.
fn question(portal: &Portal, user: Option<&str>) -> Reply {
    let provider = portal.logout.end_session_endpoint().map(|url| url.origin().ascii_serialization());
    page_with_form_to(provider.as_deref(), &SignOut { action: OwnPage::SignOut.path(), user })
}

/// How long a person waits for the provider to hear of it.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn post(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Reply {
    let Ok(signed_out) = portal.logout.sign_out(&visit.origin, &headers).await else {
        return visit.told(&Problem::cannot_tell(&visit.id.to_string()));
    };
    if let Some(subject) = &signed_out.subject {
        portal.audit.signed_out(visit.origin.host(), subject, &visit.id);
    }
    if let Some(token) = signed_out.revoke {
        let work = Arc::clone(&portal);
        let revoked = portal.detached.run(async move { work.logout.revoke(&token).await });
        // The person is signed out here already; what takes longer goes on without them.
        let _in_time = tokio::time::timeout(PATIENCE, revoked).await;
    }
    let reply = match signed_out.onward {
        Some(url) => Reply::redirect(StatusCode::SEE_OTHER, url.expose()),
        None => farewell(&visit),
    };
    reply.with_cookies(&signed_out.cookies)
}

/// Where the provider sends people afterwards, with our `state` or without (RP-Initiated Logout §3): it changes nothing.
pub(super) async fn signed_out(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    // Any site can lead a browser here: a user who is still signed in must not read otherwise.
    let still_signed_in = portal
        .sessions
        .read(visit.session_request(&headers, portal.clock.now()), |opened| match opened.state {
            SessionState::Usable(session) => Some(question(&portal, Some(session.credential.user.user))),
            SessionState::Refreshable(_) | SessionState::Undetermined(_) => Some(question(&portal, None)),
            SessionState::Absent(_) => None,
        })
        .await;
    if let Some(question) = still_signed_in {
        return question;
    }
    let state = parameter(uri.query(), "state").ok().flatten();
    let landed = state.and_then(|state| portal.logout.finish_sign_out(&state, &headers, &visit.origin));
    farewell(&visit).with_cookies(landed.as_slice())
}

fn farewell(visit: &Visit) -> Reply {
    let sign_in_url = format!("{}/", visit.origin.as_str());
    page(StatusCode::OK, &SignedOut { sign_in_url: &sign_in_url })
}
