//! Routes of the check listener, two for each dialect
//!
//! Only the path selects the dialect and the policy, because a client can send any header field. The reply to any
//! other path lists these paths, because its reader is an operator who sets up a proxy.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::any;
use http::{Request, Response, StatusCode, Uri};

use super::checker::Checker;
use super::dialect::{CHECK_DIALECTS, Dialect};
use super::peer::Peer;
use super::reply::Reply;
use crate::access::policy::DEFAULT;
use crate::flow::audit::Hint;

/// Returns `/check/<label>` and `/check/policy/<policy>/<label>` for each dialect. Any other path gets 404.
pub fn routes(checker: Arc<Checker>) -> Router {
    CHECK_DIALECTS.into_iter().fold(Router::new(), with_dialect).fallback(no_such_check).with_state(checker)
}

async fn no_such_check(State(checker): State<Arc<Checker>>, peer: Peer, uri: Uri) -> Response<Body> {
    let paths = list_paths();
    checker.audit.hint(&Hint::UnknownCheck { peer: peer.ip(), path: uri.path(), paths: &paths });
    Reply::text(StatusCode::NOT_FOUND, format!("no such check: use {paths}\n")).into_response()
}

/// Lists the paths of all dialects, for an operator.
fn list_paths() -> String {
    let labels = CHECK_DIALECTS.map(|dialect| dialect.caller.label);
    let by_default = labels.map(|label| format!("/check/{label}"));
    let by_name = labels.map(|label| format!("/check/policy/NAME/{label}"));
    format!("{} (for a named policy: {})", by_default.join(" or "), by_name.join(" or "))
}

fn with_dialect(router: Router<Arc<Checker>>, dialect: &'static Dialect) -> Router<Arc<Checker>> {
    let label = dialect.caller.label;
    let by_default = async move |State(checker), peer, request| -> Response<Body> {
        answer(checker, dialect, peer, DEFAULT, request).await
    };
    let by_name = async move |State(checker), Path(policy): Path<String>, peer, request| -> Response<Body> {
        answer(checker, dialect, peer, &policy, request).await
    };
    router
        .route(&format!("/check/{label}"), any(by_default))
        .route(&format!("/check/policy/{{policy}}/{label}"), any(by_name))
}

async fn answer(
    checker: Arc<Checker>,
    dialect: &Dialect,
    peer: Peer,
    policy: &str,
    request: Request<Body>,
) -> Response<Body> {
    let (request, _) = request.into_parts();
    checker.answer(dialect, peer, policy, &request).await
}
