//! Ops endpoints: liveness, readiness and metrics

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::store::Store;
use super::store_watch::{StoreState, StoreWatch};
use crate::edge::checker::Checker;
use crate::edge::sparse_proxies::SparseProxy;
use crate::flow::ports::{IdentityProvider, ProviderState};
use crate::telemetry::metrics::Metrics;

/// How long a probe waits for the number of sessions.
const MAX_COUNT_TIME: Duration = Duration::from_millis(200);

/// Whether the gateway can answer checks.
///
/// The states of the provider, of the session store and of proxies are reported but do not affect readiness: none of them
/// may block every request.
pub(super) struct Readiness {
    draining: AtomicBool,
    provider: Arc<dyn IdentityProvider>,
    sessions: Store,
    store: Arc<StoreWatch>,
    /// Lists the proxies that forward too few header fields.
    checker: Arc<Checker>,
}

impl Readiness {
    /// Returns the state of a gateway that is ready.
    pub(super) fn new(
        provider: Arc<dyn IdentityProvider>,
        (sessions, store): (Store, Arc<StoreWatch>),
        checker: Arc<Checker>,
    ) -> Self {
        Self { draining: AtomicBool::new(false), provider, sessions, store, checker }
    }

    /// Marks the gateway as not ready, because it drains.
    pub(super) fn set_unready(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Returns the number of sessions, or `None` if the store does not return it in time, or does not count them.
    async fn known(&self) -> Option<usize> {
        timeout(MAX_COUNT_TIME, self.sessions.known()).await.ok().flatten()
    }

    async fn describe_sessions(&self) -> Value {
        let known = self.known().await;
        let now = self.checker.check.clock.now();
        let (answers, detail, since) = match self.store.state() {
            StoreState::Unknown => (None, Some("the session store was not tested yet".to_owned()), None),
            StoreState::Answers if known.is_none() && self.sessions.counts() => {
                (Some(false), Some("the session store does not answer; see the log".to_owned()), None)
            }
            StoreState::Answers => (Some(true), None, None),
            StoreState::Fails { since, why } => (Some(false), Some(why), Some(now.seconds_since(since))),
        };
        json!({
            "store": self.sessions.name(),
            "answers": answers,
            "detail": detail,
            "failing_seconds": since,
            "known": known,
            "keys_are_shared": self.sessions.is_shared(),
        })
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
        "sessions": readiness.describe_sessions().await,
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
    metrics.set_sessions(readiness.known().await, readiness.sessions.is_shared());
    metrics.set_provider_ready(readiness.provider.state() == ProviderState::Ready);
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, open_metrics)], metrics.text())
}
