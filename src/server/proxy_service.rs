//! Own reverse proxy: a check, then the application

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use futures_util::FutureExt;
use futures_util::future::pending;
use http::{Request, Response, StatusCode, header};

use crate::access::policy::DEFAULT;
use crate::access::query_conditions::NO_CONDITIONS;
use crate::access::surface::Surface;
use crate::edge::cache_safety::set_cookies_unless_cacheable;
use crate::edge::checker::{CheckCall, Checker};
use crate::edge::dialect::own_proxy::OWN_PROXY;
use crate::edge::error_page::{Requester, error_page};
use crate::edge::log_out::{may_log_out, read_body};
use crate::edge::peer::Peer;
use crate::edge::portal::page::Problem;
use crate::edge::reply::Reply;
use crate::edge::request_id::RequestIds;
use crate::edge::verdict::{Allowed, Verdict};
use crate::flow::session_end::SessionEnd;
use crate::proxy::error::ForwardError;
use crate::proxy::upstream::Upstream;
use crate::telemetry::log_rate_limit::{Line, LogRateLimit};

/// The reverse proxy and the check before it.
pub(super) struct ProxyService {
    /// Decides each request.
    pub(super) checker: Arc<Checker>,
    /// The application.
    pub(super) upstream: Upstream,
    /// The rate limit of log lines about failures.
    pub(super) failures: LogRateLimit,
}

/// Log lines a minute about failures, because a client can cause any number of them.
pub(super) const MAX_FAILURE_LINES: u32 = 20;

/// Returns the routes that forward each allowed request, except requests to our own pages.
pub(super) fn routes(service: Arc<ProxyService>) -> Router {
    Router::new().fallback(forward).with_state(service)
}

async fn forward(
    State(service): State<Arc<ProxyService>>,
    peer: Peer,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, mut body) = request.into_parts();
    let snapshot = service.checker.check.snapshot.load();
    let mut known = None;
    let may_have_session = parts.headers.contains_key(header::COOKIE);
    if may_have_session && may_log_out(&snapshot.rules, &parts.method, parts.uri.path()) {
        let Some(read) = read_body(body).await else {
            return Reply::new(StatusCode::BAD_REQUEST).into_response();
        };
        body = Body::from(read.clone());
        known = Some(read);
    }
    let check = CheckCall {
        policy: DEFAULT,
        head: &parts,
        conditions: Ok(&NO_CONDITIONS),
        appended: "",
        body: known.as_deref(),
    };
    let Allowed { grant, origin, pending_cookies } =
        match service.checker.verdict(&snapshot, &OWN_PROXY, peer, check).await {
            Verdict::Allowed(allowed) => allowed,
            Verdict::Refused(reply) => return reply.into_response(),
        };
    let requester = Requester::new(
        Surface::of(&parts.method, &parts.headers),
        &parts.headers,
        service.checker.ids.next(),
    );
    let request = Request::from_parts(parts, body);
    let session = (!grant.is_anonymous())
        .then(|| SessionEnd::of(&service.checker.check, request.headers(), origin, DEFAULT));
    let session_end = || session.map_or_else(|| pending().boxed(), |session| session.wait().boxed());
    match service.upstream.forward(grant, request, origin, peer.ip(), session_end).await {
        Ok(mut response) => {
            set_cookies_unless_cacheable(&mut response, pending_cookies.as_deref().unwrap_or_default());
            response
        }
        Err(error) => failure_reply(&error, requester, &service).into_response(),
    }
}

fn failure_reply(error: &ForwardError, requester: Requester, service: &ProxyService) -> Reply {
    let now = service.checker.check.clock.now().0;
    if let Some(Line { suppressed }) = service.failures.take(now) {
        tracing::warn!(%error, request = %requester.id, suppressed, "request not passed on to the application");
    }
    match error {
        ForwardError::ClientMalformed(why) => {
            Reply::refused(StatusCode::BAD_REQUEST, &why.to_string(), requester)
        }
        ForwardError::ClientAborted(_) => Reply::new(StatusCode::BAD_REQUEST),
        ForwardError::Busy => unavailable(StatusCode::SERVICE_UNAVAILABLE, requester),
        ForwardError::UpstreamTimedOut => unavailable(StatusCode::GATEWAY_TIMEOUT, requester),
        ForwardError::UpstreamUnreachable(_)
        | ForwardError::UpstreamUntrusted(_)
        | ForwardError::UpstreamBroke(_)
        | ForwardError::UpstreamMisbehaved(_) => unavailable(StatusCode::BAD_GATEWAY, requester),
    }
}

fn unavailable(status: StatusCode, requester: Requester) -> Reply {
    let id = requester.id.to_string();
    error_page(&Problem { status, ..Problem::application_unavailable(&id) }, requester)
}

/// Returns the routes of a gateway without an application: every path outside our own pages is a 404.
pub(super) fn not_found_routes(ids: Arc<RequestIds>) -> Router {
    Router::new().fallback(not_found).with_state(ids)
}

async fn not_found(State(ids): State<Arc<RequestIds>>, request: Request<Body>) -> Reply {
    let requester =
        Requester::new(Surface::of(request.method(), request.headers()), request.headers(), ids.next());
    error_page(&Problem::no_such_page(&requester.id.to_string()), requester)
}
