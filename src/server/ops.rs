//! Ops endpoints: liveness, readiness and metrics

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::assemble::Store;
use crate::edge::checker::Checker;
use crate::edge::sparse_proxies::SparseProxy;
use crate::flow::ports::{IdentityProvider, ProviderState};
use crate::telemetry::metrics::Metrics;

/// Whether the gateway can answer checks.
///
/// The states of the provider and of proxies are reported but do not affect readiness: neither may block every request.
pub(super) struct Readiness {
    draining: AtomicBool,
    provider: Arc<dyn IdentityProvider>,
    sessions: Store,
    /// Lists the proxies that forward too few header fields.
    checker: Arc<Checker>,
}

impl Readiness {
    /// Returns the state of a gateway that is ready.
    pub(super) fn new(provider: Arc<dyn IdentityProvider>, sessions: Store, checker: Arc<Checker>) -> Self {
        Self { draining: AtomicBool::new(false), provider, sessions, checker }
    }

    /// Marks the gateway as not ready, because it drains.
    pub(super) fn set_unready(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// Returns the routes `/livez`, `/readyz` and `/metrics`.
pub(super) fn routes(readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz).with_state(Arc::clone(&readiness)))
        .route("/metrics", get(metrics_text).with_state((readiness, metrics)))
}

async fn readyz(State(readiness): State<Arc<Readiness>>) -> impl IntoResponse {
    let ready = !readiness.draining.load(Ordering::Relaxed);
    let (provider, detail) = match readiness.provider.state() {
        ProviderState::Ready => ("ready", None),
        ProviderState::Unavailable(why) => ("unavailable", Some(why)),
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let proxies = readiness.checker.sparse_proxies.list(readiness.checker.check.clock.now());
    let body = json!({
        "ready": ready,
        "draining": !ready,
        "provider": {
            "state": provider,
            "detail": detail,
            "warnings": readiness.provider.warnings(),
        },
        "sessions": {
            "store": readiness.sessions.name(),
            "known": readiness.sessions.known().await,
            "keys_are_shared": readiness.sessions.is_shared(),
        },
        "proxies_with_too_few_headers": proxies.iter().map(describe_proxy).collect::<Vec<_>>(),
    });
    let json = (header::CONTENT_TYPE, "application/json");
    (status, [json, (header::CACHE_CONTROL, "no-store")], format!("{body:#}\n"))
}

fn describe_proxy(SparseProxy { peer, caller, remedy, checks }: &SparseProxy) -> Value {
    json!({ "peer": peer.to_string(), "dialect": caller.label, "checks": checks, "remedy": remedy })
}

async fn metrics_text(
    State((readiness, metrics)): State<(Arc<Readiness>, Arc<Metrics>)>,
) -> impl IntoResponse {
    let known = readiness.sessions.known().await.unwrap_or_default();
    metrics.set_sessions(known, readiness.sessions.is_shared());
    metrics.set_provider_ready(readiness.provider.state() == ProviderState::Ready);
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, open_metrics)], metrics.text())
}
