//! How does a request pass our own proxy: who decides, who forwards?

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use http::{Request, Response, StatusCode};

use crate::access::surface::Surface;
use crate::edge::beside::deliver_beside;
use crate::edge::direct::{Admitted, Direct};
use crate::edge::peer::Peer;
use crate::edge::portal::page::Problem;
use crate::edge::reply::{self, Asker};
use crate::edge::request_id::RequestIds;
use crate::proxy::error::ForwardError;
use crate::proxy::upstream::Upstream;
use crate::telemetry::pace::{Line, Pace};

/// The proxy, with a door.
pub(super) struct Gate {
    /// The door.
    pub(super) door: Direct,
    /// What is behind it.
    pub(super) upstream: Upstream,
    /// Which failures are logged.
    pub(super) failures: Pace,
}

/// Lines a minute: a client can make as many failures as it likes.
pub(super) const MOST_FAILURES: u32 = 20;

/// Everything that is no page of ours goes through the gate.
pub(super) fn routes(gate: Arc<Gate>) -> Router {
    Router::new().fallback(pass).with_state(gate)
}

async fn pass(State(gate): State<Arc<Gate>>, peer: Peer, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let admitted = gate.door.admit(&parts, peer.ip()).await;
    let Admitted { grant, origin, deliver } = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return *refusal,
    };
    let surface = Surface::of(&parts.method, &parts.headers);
    let request = Request::from_parts(parts, body);
    match gate.upstream.forward(grant, request, &origin, peer.ip()).await {
        Ok(mut response) => {
            deliver_beside(&mut response, deliver.as_deref());
            response
        }
        Err(error) => failed(&error, surface, &gate),
    }
}

fn failed(error: &ForwardError, surface: Surface, gate: &Gate) -> Response<Body> {
    let asker = Asker { surface, id: gate.door.ids.next() };
    let id = asker.id.to_string();
    if let Some(Line { suppressed }) = gate.failures.take(gate.door.check.clock.now().0) {
        tracing::warn!(%error, request = %asker.id, suppressed, "a request was not passed on to the application");
    }
    match error {
        ForwardError::ClientMalformed(why) => {
            reply::refused(StatusCode::BAD_REQUEST, &why.to_string(), asker)
        }
        ForwardError::ClientAborted(_) => reply::bare(StatusCode::BAD_REQUEST),
        ForwardError::Busy => told(StatusCode::SERVICE_UNAVAILABLE, &id, asker),
        ForwardError::UpstreamTimedOut => told(StatusCode::GATEWAY_TIMEOUT, &id, asker),
        ForwardError::UpstreamUnreachable(_)
        | ForwardError::UpstreamBroke(_)
        | ForwardError::UpstreamMisbehaved(_) => told(StatusCode::BAD_GATEWAY, &id, asker),
    }
}

fn told(status: StatusCode, id: &str, asker: Asker) -> Response<Body> {
    reply::told(&Problem { status, ..Problem::application_unavailable(id) }, asker)
}

/// Where there is no application behind us, there is nothing but our own pages.
pub(super) fn nothing_behind(ids: Arc<RequestIds>) -> Router {
    Router::new().fallback(nothing).with_state(ids)
}

async fn nothing(State(ids): State<Arc<RequestIds>>, request: Request<Body>) -> Response<Body> {
    let asker = Asker { surface: Surface::of(request.method(), request.headers()), id: ids.next() };
    reply::told(&Problem::no_such_page(&asker.id.to_string()), asker)
}
