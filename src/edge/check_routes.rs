//! The routes of the check listener: two for each dialect.
//!
//! The path alone says which dialect and which policy: a client can send any header field.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::any;
use http::{Request, Response};

use super::checker::Checker;
use super::dialect::{CHECK_DIALECTS, Dialect};
use super::peer::Peer;
use crate::access::policy::DEFAULT;

/// Returns `/check/<label>` and `/check/policy/<policy>/<label>` for each dialect.
pub fn routes(checker: Arc<Checker>) -> Router {
    CHECK_DIALECTS.into_iter().fold(Router::new(), with_dialect).with_state(checker)
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
