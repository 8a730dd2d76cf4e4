//! How does Traefik ask, and how is it answered? (`ForwardAuth`)
//!
//! It asks with a GET at a fixed address, the client's header fields copied and five forwarded fields rebuilt. A 200
//! lets the request pass with the listed reply headers set; anything else goes to the browser as it is.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::any;
use http::{Request, Response};

use super::checker::Checker;
use super::peer::Peer;
use super::read::forwarded;
use crate::access::policy::DEFAULT;
use crate::flow::caller::Caller;

/// Traefik's ForwardAuth.
pub const CALLER: Caller = Caller {
    label: "traefik",
    patience: Duration::from_secs(5),
    cookie_remedy: "list the session cookies in addAuthCookiesToResponse",
};

/// `/check/traefik`, and the same for a named policy.
pub fn routes(checker: Arc<Checker>) -> Router {
    Router::new()
        .route("/check/traefik", any(check_default))
        .route("/check/policy/{policy}/traefik", any(check_named))
        .with_state(checker)
}

async fn check_default(
    State(checker): State<Arc<Checker>>,
    peer: Peer,
    request: Request<Body>,
) -> Response<Body> {
    checker.answer(CALLER, peer, DEFAULT, request.headers(), forwarded).await
}

async fn check_named(
    State(checker): State<Arc<Checker>>,
    Path(policy): Path<String>,
    peer: Peer,
    request: Request<Body>,
) -> Response<Body> {
    checker.answer(CALLER, peer, &policy, request.headers(), forwarded).await
}
