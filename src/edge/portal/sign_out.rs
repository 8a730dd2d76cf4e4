//! `/oauth2/sign_out`: a GET asks, a POST from our own page acts.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Response, StatusCode};

use super::page::{SignOut, SignedOut, page};
use super::{Portal, Visit, with_cookies};
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
    page(StatusCode::OK, &SignOut { action: "/oauth2/sign_out", user })
}

pub(super) async fn post(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Response<Body> {
    let signed_out = portal.logout.sign_out(&visit.origin, &headers);
    if let Some(subject) = &signed_out.subject {
        portal.audit.signed_out(visit.origin.host(), subject, &visit.id);
    }
    let sign_in_url = format!("{}/", visit.origin.as_str());
    with_cookies(page(StatusCode::OK, &SignedOut { sign_in_url: &sign_in_url }), signed_out.cookies)
}
