//! `/oauth2/sessions`, the user's own sessions
//!
//! 1. A GET shows them, and changes nothing.
//! 2. A POST, accepted only from our own page, ends others. It redirects back to the list.
//! 3. If the user authenticated too long ago, the page has a link to authenticate again instead of its buttons.
//! 4. No form leads to the provider. Chromium applies `form-action` to each redirect after a form, and a provider may
//!    redirect to a third origin.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};

use super::context::Portal;
use super::page::{NoSessionList, OwnSessionRow, OwnSessionsPage, Permission, Problem, SignIn, page};
use super::visit::{Navigation, Visit, parameter};
use crate::access::own_page::{OwnPage, RECENTLY, SIGNED_IN_AGAIN};
use crate::edge::reply::Reply;
use crate::flow::own_sessions::{EndError, NoList, Overview, Recency};
use crate::flow::ports::{ListedSession, RECENT_AUTHENTICATION, UnixTime, Which};

/// The field of the form. Its value is the id of a session, or [`ALL_OTHERS`].
const END: &str = "end";
const ALL_OTHERS: &str = "others";

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Navigation { visit, uri, headers }: Navigation,
) -> Reply {
    let now = portal.clock.now();
    match portal.own_sessions.list(visit.session_request(&headers, now)).await {
        Ok(overview) => {
            let again = parameter(uri.query(), SIGNED_IN_AGAIN.name).ok().flatten();
            let has_signed_in_again = again.as_deref() == Some(SIGNED_IN_AGAIN.value);
            list_page(&portal, &visit, &overview, has_signed_in_again, now)
                .with_cookies(overview.pending_cookies.as_deref().unwrap_or_default())
        }
        Err(NoList::SignedOut) => Reply::redirect(StatusCode::SEE_OTHER, &sign_in_url(&portal, &visit)),
        Err(NoList::NotKept) => without_list(),
        Err(NoList::Unavailable) => visit.error_page(&Problem::session_unknown(&visit.id.to_string())),
    }
}

pub(super) async fn post(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    let end = match parameter(str::from_utf8(&body).ok(), END) {
        Ok(Some(end)) => end,
        Ok(None) => return visit.refused(StatusCode::BAD_REQUEST, "the form names no session"),
        Err(error) => return visit.refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let work = end_sessions(Arc::clone(&portal), visit.clone(), headers, end);
    let reply = portal.detached_ends.run(work).await;
    reply.unwrap_or_else(|| visit.error_page(&Problem::session_unknown(&visit.id.to_string())))
}

async fn end_sessions(portal: Arc<Portal>, visit: Visit, headers: HeaderMap, end: String) -> Reply {
    let which = if end == ALL_OTHERS { Which::AllOthers } else { Which::One(&end) };
    let request = visit.session_request(&headers, portal.clock.now());
    match portal.own_sessions.end(request, which).await {
        Ok(ended) => {
            if ended.sessions > 0 {
                portal.audit.ended_others(visit.origin.host(), &ended, &visit.id);
            }
        }
        // The page then shows how to authenticate.
        Err(EndError::NotRecent) => {}
        // No redirect to the provider may follow a form.
        Err(EndError::NoList(NoList::SignedOut)) => {
            return page(StatusCode::OK, &SignIn { start_url: &sign_in_url(&portal, &visit) });
        }
        Err(EndError::NoList(NoList::NotKept)) => return without_list(),
        Err(EndError::NoList(NoList::Unavailable)) => {
            return visit.error_page(&Problem::session_unknown(&visit.id.to_string()));
        }
    }
    Reply::redirect(StatusCode::SEE_OTHER, &OwnPage::Sessions.url(&visit.origin))
}

fn without_list() -> Reply {
    page(StatusCode::OK, &NoSessionList { sign_out_url: OwnPage::SignOut.path() })
}

/// Returns the URL of a sign-in that returns to the list.
fn sign_in_url(portal: &Portal, visit: &Visit) -> String {
    let return_to = portal.login.return_to(&visit.origin, Some(OwnPage::Sessions.path()));
    OwnPage::Start.with_return(&visit.origin, &return_to)
}

fn list_page(
    portal: &Portal,
    visit: &Visit,
    overview: &Overview,
    has_signed_in_again: bool,
    now: UnixTime,
) -> Reply {
    let return_to = OwnPage::Sessions.path_with(SIGNED_IN_AGAIN);
    let return_to = portal.login.return_to(&visit.origin, Some(&return_to));
    let permission = match overview.authentication {
        Recency::Recent => Permission::Granted,
        // The own sign-in time only distinguishes a reload of an old page from the return of a sign-in.
        Recency::NotRecent
            if has_signed_in_again && now < overview.signed_in_at.plus(RECENT_AUTHENTICATION) =>
        {
            Permission::NotConfirmed
        }
        Recency::NotRecent => Permission::NeedsSignIn,
    };
    let rows: Vec<_> = overview.sessions.iter().map(|session| row(session, visit, now)).collect();
    page(
        StatusCode::OK,
        &OwnSessionsPage {
            user: &overview.user,
            rows: &rows,
            permission,
            action: OwnPage::Sessions.path(),
            sign_in_url: &OwnPage::Start.with_parameter(&visit.origin, RECENTLY, &return_to),
            sign_out_url: OwnPage::SignOut.path(),
        },
    )
}

fn row<'s>(session: &'s ListedSession, visit: &Visit, now: UnixTime) -> OwnSessionRow<'s> {
    OwnSessionRow {
        id: &session.id,
        device: &session.device,
        other_host: Some(&*session.host).filter(|host| !host.is_empty() && *host != visit.origin.host()),
        address: session.address.as_ref().map(IpAddr::to_string),
        began_at: session.began_at,
        active_at: session.active_at,
        now,
        is_current: session.is_current,
    }
}
