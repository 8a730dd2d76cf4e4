//! Which pages of ours does a person meet?

pub mod backchannel;
mod callback;
mod detached;
pub mod page;
mod refresh;
mod sign_in;
mod sign_out;
mod start;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::{HeaderMap, Method, Response, StatusCode, header};
use thiserror::Error;
use tower_http::csrf::CsrfLayer;
use url::form_urlencoded;

pub use self::detached::Detached;
use self::page::Problem;
use super::error_page::{Requester, error_page};
use super::host::host;
use super::reply::{NO_STORE, Reply};
use super::request_id::{RequestId, RequestIds};
use crate::access::origin::Origin;
use crate::access::own_page::OwnPage;
use crate::access::own_path;
use crate::access::surface::Surface;
use crate::flow::audit::{Audit, Hint};
use crate::flow::backchannel::Backchannel;
use crate::flow::callback::Callback;
use crate::flow::login::Login;
use crate::flow::logout::Logout;
use crate::flow::ports::{Clock, SessionRequest, Sessions};
use crate::flow::refresh::Refresh;
use crate::flow::snapshot::CurrentSnapshot;

/// Everything the pages need.
pub struct Portal {
    /// Begins sign-ins.
    pub login: Login,
    /// Finishes sign-ins.
    pub callback: Callback,
    /// Runs what shall end though the browser goes.
    pub detached: Detached,
    /// Ends sessions.
    pub logout: Logout,
    /// Renews sessions.
    pub refresh: Arc<Refresh>,
    /// Ends sessions in the provider's name.
    pub backchannel: Backchannel,
    /// Where sessions live.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rules, with the origins that the pages are served on.
    pub snapshot: CurrentSnapshot,
    /// Where it is told what people did.
    pub audit: Arc<dyn Audit>,
    /// Names for requests.
    pub ids: Arc<RequestIds>,
}

/// Returns the routes of our own pages on the public listener; the back-channel has its own.
pub fn routes(portal: Arc<Portal>) -> Router {
    Router::new()
        .route(OwnPage::Start.path(), get(start::get))
        .route(OwnPage::Callback.path(), get(callback::get))
        .route(OwnPage::SignIn.path(), get(sign_in::get))
        .route(OwnPage::Refresh.path(), get(refresh::get))
        // The guard is on the one route that changes something; a GET changes nothing and needs none.
        .route(OwnPage::SignOut.path(), post(sign_out::post).layer(CsrfLayer::new()).get(sign_out::get))
        .route(OwnPage::SignedOut.path(), get(sign_out::signed_out))
        .route(OwnPage::Userinfo.path(), get(userinfo::get))
        .route(&format!("{}{{*unknown}}", own_path::PREFIX), axum::routing::any(unknown))
        .layer(from_fn_with_state(Arc::clone(&portal), on_our_origins))
        .with_state(portal)
}

/// Where a request came to, and under which name; put in by [`on_our_origins`].
#[derive(Clone)]
struct Visit {
    origin: Origin,
    id: RequestId,
}

/// Outermost, so that no page is ever shown on a host that is not ours: links and cookies would be for the wrong one.
async fn on_our_origins(
    State(portal): State<Arc<Portal>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let id = portal.ids.next();
    let requester = Requester { surface: Surface::of(request.method(), request.headers()), id };
    let mut response = match portal.place_of(request.headers()) {
        Some(Place::Elsewhere(sign_in)) => elsewhere(&request, &sign_in, requester).into_response(),
        Some(Place::Here(origin)) => {
            request.extensions_mut().insert(Visit { origin, id });
            next.run(request).await
        }
        None => error_page(&Problem::unknown_host(&id.to_string()), requester).into_response(),
    };
    // A layer's own refusal knows nothing of this.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// The hosts of a domain share the pages of one: whoever looks for them on another is sent there.
fn elsewhere(request: &Request, sign_in: &Origin, requester: Requester) -> Reply {
    let safe = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let target =
        request.uri().path_and_query().filter(|_| safe).and_then(|path| path.as_str().strip_prefix('/'));
    match target {
        Some(path) => Reply::redirect(StatusCode::FOUND, &format!("{}/{path}", sign_in.as_str())),
        None => error_page(&Problem::no_such_page(&requester.id.to_string()), requester),
    }
}

async fn unknown(visit: axum::Extension<Visit>) -> Reply {
    visit.told(&Problem::no_such_page(&visit.id.to_string()))
}

impl Portal {
    /// Returns where the pages of the one `Host` field are; an unknown host is reported to the operator.
    fn place_of(&self, headers: &HeaderMap) -> Option<Place> {
        let host = host(headers)?;
        let snapshot = self.snapshot.load();
        let origins = &snapshot.rules.origins;
        let Some(origin) = origins.find(host) else {
            self.audit.hint(&Hint::UnknownHost(host));
            return None;
        };
        let sign_in = origins.sign_in_of(origin);
        Some(if sign_in == origin { Place::Here(origin.clone()) } else { Place::Elsewhere(sign_in.clone()) })
    }
}

/// Where the pages of a host are.
enum Place {
    /// On this origin.
    Here(Origin),
    /// On another origin, which serves them for the whole domain.
    Elsewhere(Origin),
}

impl Visit {
    /// The request as the session store sees it: our own pages do not show that the user is active in the application.
    fn session_request<'r>(&'r self, portal: &Portal, headers: &'r HeaderMap) -> SessionRequest<'r> {
        SessionRequest { headers, origin: &self.origin, now: portal.clock.now(), active: false, found: None }
    }

    fn told(&self, problem: &Problem<'_>) -> Reply {
        error_page(problem, Requester { surface: Surface::Navigation, id: self.id })
    }

    fn refused(&self, status: StatusCode, why: &str) -> Reply {
        Reply::refused(status, why, Requester { surface: Surface::Navigation, id: self.id })
    }
}

/// A query parameter came more than once.
#[derive(Debug, Error)]
#[error("the parameter {0} came more than once")]
struct Repeated(&'static str);

/// The value of a query parameter that may come once.
fn parameter(query: Option<&str>, name: &'static str) -> Result<Option<String>, Repeated> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Repeated(name)),
    }
}

/// Browsers say so when a page is fetched by a script, a frame or another site's image.
fn is_embedded(method: &Method, headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-mode") && Surface::of(method, headers) != Surface::Navigation
}
