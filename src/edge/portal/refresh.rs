//! `GET /oauth2/refresh`, which refreshes the tokens of a session and returns to the page
//!
//! Any proxy delivers the cookies of a reply to one of our own pages. A user whose session has ended signs in again.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::context::Portal;
use super::page::Problem;
use super::visit::{Navigation, parameter};
use crate::access::decision::Outage;
use crate::access::own_page::{OwnPage, RETRY};
use crate::edge::reply::Reply;
use crate::flow::login::ReturnRedirect;
use crate::flow::refresh::Resumed;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Navigation { visit, uri, headers }: Navigation,
) -> Reply {
    let rd = match parameter(uri.query(), "rd") {
        Ok(rd) => rd,
        Err(error) => return visit.refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let return_to = portal.login.return_to(&visit.origin, rd.as_deref());
    let start = || OwnPage::Start.with_return(&visit.origin, &return_to);
    match portal.refresh.resume_session(visit.session_request(&headers, portal.clock.now()), |_| ()).await {
        Resumed::Usable((), pending_cookies) => {
            let reply = match portal.login.return_after_refresh(&visit.origin, &headers, return_to.clone()) {
                Ok(ReturnRedirect { return_to, cookies }) => {
                    Reply::redirect(StatusCode::FOUND, return_to.as_str()).with_cookies(&cookies)
                }
                Err(cause) => {
                    let retry_url = OwnPage::Start.with_parameter(&visit.origin, RETRY, &return_to);
                    visit.error_page(&Problem::redirect_loop(cause, &retry_url, &visit.id.to_string()))
                }
            };
            reply.with_cookies(pending_cookies.as_deref().unwrap_or_default())
        }
        Resumed::Gone => Reply::redirect(StatusCode::FOUND, &start()),
        Resumed::NotNow => {
            let retry_url = OwnPage::Refresh.with_return(&visit.origin, &return_to);
            let id = visit.id.to_string();
            visit.error_page(&match portal.refresh.outage() {
                Outage::ClientRefused => Problem::gateway_refused(&retry_url, &id),
                Outage::Provider | Outage::SessionStore => Problem::provider_unavailable(&retry_url, &id),
            })
        }
    }
}
