//! Which faults does this request meet?

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::fault::{Endpoint, Fault};
use crate::shared::Shared;

/// The faults taken for one request, for its handler.
#[derive(Clone, Default)]
pub(super) struct Active(pub(super) Vec<Fault>);

/// Takes them as the request arrives, so that a refused request uses them up as well.
pub(super) async fn meet(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let taken = endpoint(request.uri().path()).map(|endpoint| shared.arming().take(endpoint));
    request.extensions_mut().insert(Active(taken.unwrap_or_default()));
    next.run(request).await
}

fn endpoint(path: &str) -> Option<Endpoint> {
    match path {
        "/token" => Some(Endpoint::Token),
        _ => None,
    }
}
