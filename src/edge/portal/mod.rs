//! Routes of our own pages, on the origins that serve them

pub mod backchannel;
mod callback;
mod context;
mod detached;
mod own_sessions;
pub mod page;
mod refresh;
mod sign_in;
mod sign_out;
mod start;
mod userinfo;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::{Method, Response, StatusCode, header};
use tower_http::csrf::CsrfLayer;

use self::context::PageOrigin;
pub use self::context::Portal;
pub use self::detached::Detached;
use self::page::Problem;
use self::visit::Visit;
use super::error_page::{Requester, error_page};
use super::reply::{NO_STORE, Reply};
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::access::own_path;
use crate::access::surface::Surface;

/// Returns the routes of our own pages on the public listener, without those of the back-channel.
pub fn routes(portal: Arc<Portal>) -> Router {
    Router::new()
        .route(OwnPage::Start.path(), get(start::get))
        .route(OwnPage::Callback.path(), get(callback::get).post(callback::post))
        .route(OwnPage::SignIn.path(), get(sign_in::get))
        .route(OwnPage::Refresh.path(), get(refresh::get))
        // Only these routes change something, so only they need the layer. A GET changes nothing.
        .route(OwnPage::SignOut.path(), post(sign_out::post).layer(CsrfLayer::new()).get(sign_out::get))
        .route(
            OwnPage::Sessions.path(),
            post(own_sessions::post).layer(CsrfLayer::new()).get(own_sessions::get),
        )
        .route(OwnPage::SignedOut.path(), get(sign_out::signed_out))
        .route(OwnPage::Userinfo.path(), get(userinfo::get))
        .route(&format!("{}{{*unknown}}", own_path::PREFIX), axum::routing::any(unknown_page))
        .layer(from_fn_with_state(Arc::clone(&portal), serve_on_page_origin))
        .with_state(portal)
}

/// Serves pages only on known hosts: on any other host, links and cookies would be for the wrong one. The outermost
/// layer.
async fn serve_on_page_origin(
    State(portal): State<Arc<Portal>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let id = portal.ids.next();
    let requester = Requester::new(Surface::of(request.method(), request.headers()), request.headers(), id);
    let mut response = match portal.find_page_origin(request.headers()) {
        Some(PageOrigin::Other(sign_in)) => {
            redirect_to_page_origin(&request, &sign_in, requester).into_response()
        }
        Some(PageOrigin::Same(origin)) => {
            request.extensions_mut().insert(Visit { origin, id });
            next.run(request).await
        }
        None => error_page(&Problem::unknown_host(&id.to_string()), requester).into_response(),
    };
    // The responses of the layers have no `Cache-Control`.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// Redirects a request to the host that serves the pages for all hosts of a domain.
fn redirect_to_page_origin(request: &Request, sign_in: &Origin, requester: Requester) -> Reply {
    let is_safe = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let target =
        request.uri().path_and_query().filter(|_| is_safe).and_then(|path| path.as_str().strip_prefix('/'));
    match target {
        Some(path) => Reply::redirect(StatusCode::FOUND, &format!("{}/{path}", sign_in.as_str())),
        None => error_page(&Problem::no_such_page(&requester.id.to_string()), requester),
    }
}

async fn unknown_page(visit: axum::Extension<Visit>) -> Reply {
    visit.error_page(&Problem::no_such_page(&visit.id.to_string()))
}
