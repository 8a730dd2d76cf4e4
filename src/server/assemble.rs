//! Construction of the gateway from the settings

mod pages;
mod shared;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use http::StatusCode;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use self::pages::{build_logout, build_portal};
use self::shared::Shared;
use super::admin::Admin;
use super::ops::{self, Readiness};
use super::proxy_service::{self, ProxyService};
use super::store::{Parts, Store};
use super::store_watch::StoreWatch;
use super::{StartError, System, keys};
use crate::access::decision::{Rules, SignInBy};
use crate::access::headers::OwnedHeaders;
use crate::config::{Settings, Upstream as UpstreamSettings};
use crate::edge::check_routes;
use crate::edge::checker::Checker;
use crate::edge::dialect;
use crate::edge::grpc_routes;
use crate::edge::portal;
use crate::edge::request_id::RequestIds;
use crate::edge::sparse_proxies::SparseProxies;
use crate::edge::verdict::BodyGuard;
use crate::flow::audit::Audit;
use crate::flow::check::Check;
use crate::flow::logout::Logout;
use crate::flow::ports::IdentityProvider;
use crate::flow::refresh::{Exchanges, Refresh, RefreshSettings};
use crate::flow::snapshot::{CurrentSnapshot, Snapshot};
use crate::provider::Provider;
use crate::proxy::upstream::Upstream;
use crate::session::codec::seal::KeyRing;
use crate::session::markers::MarkerCookies;
use crate::session::set_cookie;
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::recorder::Recorder;
use crate::trust;

/// A page waits for at most four consecutive calls to the provider: code exchange, metadata, signing keys, userinfo.
const MAX_CALLS_PER_PAGE: u32 = 4;
/// The time for a page in addition to the calls to the provider.
const PAGE_TIME_WITHOUT_CALLS: Duration = Duration::from_secs(10);
/// The limit of a request body that our own pages accept.
const MAX_PAGE_BODY_BYTES: usize = 16 * 1024;

/// All parts of the gateway, not yet started.
pub(super) struct Gateway<F> {
    pub(super) public: Router,
    pub(super) check: Router,
    pub(super) check_grpc: Router,
    pub(super) ops: Router,
    pub(super) readiness: Arc<Readiness>,
    /// Answers the operator.
    pub(super) admin: Admin,
    /// Refreshes sessions.
    pub(super) refresh: Arc<Refresh>,
    /// Keeps the provider's metadata, the provider's keys, the session keys and the state of the store up to date. Never
    /// completes.
    pub(super) keep_fresh: F,
}

/// Builds the gateway. Fails if a setting cannot be used.
pub(super) fn build_gateway(
    settings: &Settings,
    system: &System,
) -> Result<Gateway<impl Future<Output = ()> + Send + 'static>, StartError> {
    let clock = Arc::clone(&system.clock);
    let metrics = Arc::new(Metrics::new(system.lost_lines.clone(), &dialect::labels()));
    let audit: Arc<dyn Audit> = Arc::new(Recorder::new(Arc::clone(&metrics), Arc::clone(&clock)));
    let provider = Provider::new(settings.provider.clone(), Arc::clone(&audit), Arc::clone(&clock))
        .map_err(|error| StartError::Build(format!("provider.ca_file: {error}")))?;
    let shared = build_shared(settings, system, audit, Arc::clone(&provider) as Arc<dyn IdentityProvider>)?;
    let following_keys = keys::follow_file(
        Arc::clone(&shared.keys),
        settings.session.keys_file.clone(),
        system.reloads.clone(),
    );
    let store = shared.store.clone();
    let snapshot = CurrentSnapshot::new(build_snapshot(settings));
    let refresh = Arc::new(build_refresh(settings, &shared, snapshot.clone()));
    let check = Arc::new(Check {
        snapshot: snapshot.clone(),
        sessions: Arc::clone(&shared.sessions),
        markers: Arc::clone(&shared.markers),
        clock: Arc::clone(&shared.clock),
        refresh: Arc::clone(&refresh),
    });
    let logout = Arc::new(build_logout(settings, &shared));
    let checker = Arc::new(build_checker(settings, &shared, check, Arc::clone(&logout)));
    let watch = Arc::new(StoreWatch::new(settings, system)?);
    let watched = (shared.store.clone(), Arc::clone(&watch));
    let readiness = Arc::new(Readiness::new(Arc::clone(&shared.provider), watched, Arc::clone(&checker)));
    let admin = Admin {
        lists: shared.store.lists(),
        clock: Arc::clone(&shared.clock),
        audit: Arc::clone(&shared.audit),
    };
    Ok(Gateway {
        check_grpc: grpc_routes::routes(Arc::clone(&checker)),
        check: check_routes::routes(
            Arc::clone(&checker),
            settings.check.oauth2_proxy_path.then_some(dialect::OAUTH2_PROXY),
        ),
        ops: ops::routes(Arc::clone(&readiness), metrics),
        public: build_public_router(settings, shared, checker)?,
        readiness,
        admin,
        refresh,
        // On the heap, because together they are large.
        keep_fresh: Box::pin(async move {
            tokio::join!(provider.keep_fresh(), following_keys, store.follow(), watch.run());
        }),
    })
}

fn build_shared(
    settings: &Settings,
    system: &System,
    audit: Arc<dyn Audit>,
    provider: Arc<dyn IdentityProvider>,
) -> Result<Shared, StartError> {
    let (clock, entropy) = (Arc::clone(&system.clock), Arc::clone(&system.entropy));
    let keys = KeyRing::new(settings.session.keys.iter().map(|key| &**key));
    let keys = Arc::new(keys.map_err(|error| StartError::Build(error.to_string()))?);
    let client = (settings.provider.issuer.as_str(), settings.provider.client_id.as_str());
    let origins = &settings.public.origins;
    let parts = Parts { keys: &keys, entropy: &entropy, clock: &clock, audit: &audit };
    let store = Store::build(settings, &parts)?;
    let markers = MarkerCookies::new(Arc::clone(&keys), Arc::clone(&entropy), origins.clone(), client);
    let mut process = [0; 4];
    entropy.fill(&mut process).map_err(|error| StartError::Build(error.to_string()))?;
    let ids = Arc::new(RequestIds::new(u32::from_ne_bytes(process)));
    Ok(Shared {
        keys,
        clock,
        entropy,
        audit,
        ids,
        provider,
        sessions: store.sessions(),
        store,
        markers: Arc::new(markers),
    })
}

fn build_refresh(settings: &Settings, shared: &Shared, snapshot: CurrentSnapshot) -> Refresh {
    Refresh {
        provider: Arc::clone(&shared.provider),
        sessions: Arc::clone(&shared.sessions),
        clock: Arc::clone(&shared.clock),
        snapshot,
        audit: Arc::clone(&shared.audit),
        settings: RefreshSettings {
            provider_bears_reuse: settings.provider.bears_reuse,
            timeout: settings.provider.timeout * MAX_CALLS_PER_PAGE,
        },
        exchanges: Exchanges::default(),
    }
}

fn build_snapshot(settings: &Settings) -> Snapshot {
    let rules = Rules {
        owned: OwnedHeaders::new(settings.headers.names.clone(), settings.headers.authorization)
            .with_stripped(settings.headers.stripped.clone()),
        policies: settings.policies.clone(),
        public_paths: settings.public_paths.clone(),
        headlamp: settings.headlamp.clone(),
        origins: settings.public.origins.clone(),
        sign_in: if settings.sign_in.page { SignInBy::Page } else { SignInBy::Start },
        allow_cross_origin_writes: settings.public.allow_cross_origin_writes,
    };
    let (claims, mut background_paths) = (settings.claims.clone(), settings.session.background_paths.clone());
    if let Some(headlamp) = &settings.headlamp {
        background_paths.add(headlamp.background_paths());
    }
    Snapshot { rules, claims, background_paths }
}

fn build_checker(settings: &Settings, shared: &Shared, check: Arc<Check>, logout: Arc<Logout>) -> Checker {
    let trusted = settings.check.trusted_proxies.clone();
    let body_guard = if settings.check.keeps_content_length { BodyGuard::Off } else { BodyGuard::On };
    let (audit, ids) = (Arc::clone(&shared.audit), Arc::clone(&shared.ids));
    Checker { check, trusted, body_guard, audit, ids, sparse_proxies: SparseProxies::default(), logout }
}

/// Returns our own pages with their limits. Other paths lead to the application, if there is one.
fn build_public_router(
    settings: &Settings,
    shared: Shared,
    checker: Arc<Checker>,
) -> Result<Router, StartError> {
    let (refresh, snapshot) = (Arc::clone(&checker.check.refresh), checker.check.snapshot.clone());
    let logout = Arc::clone(&checker.logout);
    let fallback = match &settings.upstream {
        Some(upstream) => proxy_service::routes(Arc::new(build_proxy_service(settings, upstream, checker)?)),
        None => proxy_service::not_found_routes(Arc::clone(&shared.ids)),
    };
    let page_timeout = settings.provider.timeout * MAX_CALLS_PER_PAGE + PAGE_TIME_WITHOUT_CALLS;
    let trusted = settings.check.trusted_proxies.clone();
    let portal = Arc::new(build_portal(shared, refresh, snapshot, logout, trusted));
    let timeout_layer = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, page_timeout);
    let pages = portal::routes(Arc::clone(&portal))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MAX_PAGE_BODY_BYTES))
        .layer(timeout_layer);
    let backchannel = portal::backchannel::routes(portal).layer(timeout_layer);
    Ok(pages.merge(backchannel).merge(fallback))
}

fn build_proxy_service(
    settings: &Settings,
    upstream: &UpstreamSettings,
    checker: Arc<Checker>,
) -> Result<ProxyService, StartError> {
    let owned = checker.check.snapshot.load().rules.owned.clone();
    let keep_out =
        if settings.headlamp.is_some() { set_cookie::keep_out_tokens_too } else { set_cookie::keep_out };
    let host = upstream.host.clone();
    let tls = trust::tls_config(upstream.ca_pem.as_deref())
        .map_err(|error| StartError::Build(format!("upstream.ca_file: {error}")))?;
    let upstream = Upstream::new(&upstream.url, tls, owned, keep_out)
        .map_err(|error| StartError::Build(format!("upstream.url: {error}")))?
        .with_host(host);
    Ok(ProxyService { checker, upstream, failures: LogRateLimit::new(proxy_service::MAX_FAILURE_LINES) })
}
