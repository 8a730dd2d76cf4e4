//! `/oauth2/sign_out`: a GET asks, a POST from our own page acts; `/oauth2/signed_out`: that it is done.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Response, StatusCode, Uri};

use super::page::{SignOut, SignedOut, page, page_with_form_to};
use super::{Portal, Visit, parameter, with_cookies};
use crate::access::own_page::OwnPage;
use crate::edge::reply;
use crate::flow::ports::{Opened, Workspace};

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut workspace = Workspace::new();
    let user = match portal.sessions.open(&mut workspace, visit.shown(&portal, &headers)).opened {
        Opened::Session(session) => Some(session.credential.person.user),
        Opened::Stale(_) | Opened::Absent(_) | Opened::Unknown(_) => None,
    };
    question(&portal, user)
}

/// The page that asks. Its form leads to the provider, which the page's policy must allow.
fn question(portal: &Portal, user: Option<&str>) -> Response<Body> {
    let provider = portal.logout.end_session_endpoint().map(|url| url.origin().ascii_serialization());
    page_with_form_to(provider.as_deref(), &SignOut { action: OwnPage::SignOut.path(), user })
}

/// How long a person waits for the provider to hear of it.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn post(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Response<Body> {
    let signed_out = portal.logout.sign_out(&visit.origin, &headers);
    if let Some(subject) = &signed_out.subject {
        portal.audit.signed_out(visit.origin.host(), subject, &visit.id);
    }
    if let Some(token) = signed_out.revoke {
        let work = Arc::clone(&portal);
        let revoked = portal.detached.run(async move { work.logout.revoke(&token).await });
        // The person is signed out here already; what takes longer goes on without them.
        let _in_time = tokio::time::timeout(PATIENCE, revoked).await;
    }
    let response = match signed_out.onward {
        Some(url) => reply::redirect(StatusCode::SEE_OTHER, url.expose()),
        None => farewell(&visit),
    };
    with_cookies(response, signed_out.cookies)
}

/// Where the provider sends people afterwards, with our `state` or without (RP-Initiated Logout §3): it changes nothing.
pub(super) async fn signed_out(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let mut workspace = Workspace::new();
    let opened = portal.sessions.open(&mut workspace, visit.shown(&portal, &headers)).opened;
    // Anybody can lead a person here: whoever is still signed in must not be told otherwise.
    match opened {
        Opened::Session(session) => return question(&portal, Some(session.credential.person.user)),
        Opened::Stale(_) | Opened::Unknown(_) => return question(&portal, None),
        Opened::Absent(_) => {}
    }
    let state = parameter(uri.query(), "state").ok().flatten();
    let landed = state.and_then(|state| portal.logout.finish_sign_out(&state, &headers, &visit.origin));
    with_cookies(farewell(&visit), landed.into_iter().collect())
}

fn farewell(visit: &Visit) -> Response<Body> {
    let sign_in_url = format!("{}/", visit.origin.as_str());
    page(StatusCode::OK, &SignedOut { sign_in_url: &sign_in_url })
}
