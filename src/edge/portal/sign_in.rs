//! `GET /oauth2/sign_in`, the page with a sign-in button, also after a form that was not sent

use std::sync::Arc;

use crate::edge::reply::Reply;
use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::context::Portal;
use super::page::{FormNotSent, SignIn, page};
use super::visit::{Visit, parameter};
use crate::access::own_page::{FORM_NOT_SENT, OwnPage};
use crate::access::surface::Surface;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Extension(visit): Extension<Visit>,
    uri: Uri,
    headers: HeaderMap,
) -> Reply {
    // Only a navigation can follow the redirect to the provider's page.
    let is_navigation = Surface::of(&Method::GET, &headers) == Surface::Navigation;
    if is_navigation && let Some(url) = portal.logout.leaving_url(&headers, &visit.origin) {
        return Reply::redirect(StatusCode::FOUND, url.expose());
    }
    let parameters =
        parameter(uri.query(), "rd").and_then(|rd| Ok((rd, parameter(uri.query(), FORM_NOT_SENT.name)?)));
    let (rd, form) = match parameters {
        Ok(parameters) => parameters,
        Err(error) => return visit.refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let return_to = portal.login.return_to(&visit.origin, rd.as_deref());
    let start_url = OwnPage::Start.with_return(&visit.origin, &return_to);
    if form.as_deref() == Some(FORM_NOT_SENT.value) {
        page(StatusCode::OK, &FormNotSent { start_url: &start_url })
    } else {
        page(StatusCode::OK, &SignIn { start_url: &start_url })
    }
}
