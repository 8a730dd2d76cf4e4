//! Pages for the sign-out
//!
//! 1. `GET /oauth2/sign_out` asks the user to confirm.
//! 2. `POST /oauth2/sign_out`, accepted only from our own page, signs out.
//! 3. `GET /oauth2/signed_out` confirms the sign-out.

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
            SessionState::Usable(session) => confirmation_page(&portal, Some(session.credential.user.user)),
            SessionState::Refreshable(_) | SessionState::Absent(_) | SessionState::Undetermined(_) => {
                confirmation_page(&portal, None)
            }
        })
        .await
}

/// Returns the page that asks for confirmation. Its form leads to the provider, which the policy of the page must
/// allow.
fn confirmation_page(portal: &Portal, user: Option<&str>) -> Reply {
    let provider = portal.logout.end_session_endpoint().map(|url| url.origin().ascii_serialization());
    page_with_form_to(provider.as_deref(), &SignOut { action: OwnPage::SignOut.path(), user })
}

/// How long the user waits for the revocation at the provider.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn post(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Reply {
    let Ok(signed_out) = portal.logout.sign_out(&visit.origin, &headers).await else {
        return visit.error_page(&Problem::not_signed_out(&visit.id.to_string()));
    };
    if let Some(subject) = &signed_out.subject {
        portal.audit.signed_out(visit.origin.host(), subject, &visit.id);
    }
    if let Some(token) = signed_out.revoke {
        let work = Arc::clone(&portal);
        let revoked = portal.detached.run(async move { work.logout.revoke(&token).await });
        // The user is already signed out here. After the timeout, the revocation continues in the background.
        let _in_time = tokio::time::timeout(REVOCATION_TIMEOUT, revoked).await;
    }
    let reply = match signed_out.onward {
        Some(url) => Reply::redirect(StatusCode::SEE_OTHER, url.expose()),
        None => signed_out_page(&visit, false),
    };
    reply.with_cookies(&signed_out.cookies)
}

/// The provider redirects the user here after a sign-out, with our `state` or without it (RP-Initiated Logout §3).
/// The page ends no session.
pub(super) async fn signed_out(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    // Any site can redirect a browser here, so a user who is still signed in must not see that they are signed out.
    let still_signed_in = portal
        .sessions
        .read(visit.session_request(&headers, portal.clock.now()), |opened| match opened.state {
            SessionState::Usable(session) => {
                Some(confirmation_page(&portal, Some(session.credential.user.user)))
            }
            SessionState::Refreshable(_) | SessionState::Undetermined(_) => {
                Some(confirmation_page(&portal, None))
            }
            SessionState::Absent(_) => None,
        })
        .await;
    let state = parameter(uri.query(), "state").ok().flatten();
    let removal = state.and_then(|state| portal.logout.finish_sign_out(&state, &headers, &visit.origin));
    let at_provider = removal.is_some();
    still_signed_in.unwrap_or_else(|| signed_out_page(&visit, at_provider)).with_cookies(removal.as_slice())
}

fn signed_out_page(visit: &Visit, at_provider: bool) -> Reply {
    let sign_in_url = format!("{}/", visit.origin.as_str());
    page(StatusCode::OK, &SignedOut { at_provider, sign_in_url: &sign_in_url })
}
