//! Server: listeners, background tasks and shutdown

mod admin;
mod assemble;
mod drain;
mod head_limits;
mod keys;
mod limits;
mod listen;
mod listener;
mod ops;
mod per_ip_limit;
mod proxy_service;
mod reload;
mod start_error;
mod store;
mod store_watch;
mod streams;
mod system;
mod tls;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::admin::AdminSocket;
pub use self::drain::Drain;
use self::listen::Service;
pub use self::listener::{Listener, Purpose};
pub use self::reload::{ReloadRequests, Reloader};
pub use self::start_error::StartError;
pub use self::system::{System, SystemClock, SystemEntropy};
use crate::config::Settings;

/// Serves until `stop` completes, then drains. Fails if a part cannot be built from the settings.
pub async fn serve(
    settings: Settings,
    listeners: Vec<Listener>,
    system: System,
    stop: impl Future<Output = Drain>,
) -> Result<(), StartError> {
    let mut prepared = Vec::new();
    for Listener { purpose, socket } in listeners {
        let Some(entry) = purpose.entry(&settings) else { continue };
        prepared.push((purpose, socket, entry.limits, entry.protocol, entry.tls(&system)?));
    }
    // Browsers usually connect through the same proxy that sends the checks.
    let trusted_proxies = settings.check.trusted_proxies.clone();
    let gateway = assemble::build_gateway(&settings, &system)?;
    let admin_socket = settings.ops.admin_socket.as_deref().map(AdminSocket::bind).transpose()?;
    let (drain, draining) = drain::channel();
    let mut serving = JoinSet::new();
    for (purpose, socket, limits, protocol, tls) in prepared {
        let (app, clock) = (purpose.router(&gateway), Arc::clone(&system.clock));
        let service = Service { app, limits, protocol, trusted_proxies: trusted_proxies.clone(), tls, clock };
        serving.spawn(listen::serve(socket, service, draining.clone()));
    }
    let (readiness, refresh) = (Arc::clone(&gateway.readiness), Arc::clone(&gateway.refresh));
    let keeping_fresh = tokio::spawn(gateway.keep_fresh);
    let administration = admin_socket.map(|socket| tokio::spawn(admin::serve(socket, gateway.admin)));
    let steps = stop.await;
    if steps.unready_time.is_zero() {
        tracing::info!("stopping: no new requests are accepted");
    } else {
        tracing::info!(
            "stopping: /readyz fails from now on; new requests are accepted for another {:?} (drain.unready_time)",
            steps.unready_time
        );
    }
    readiness.set_unready();
    sleep(steps.unready_time).await;
    drain.begin();
    let finished = async {
        while serving.join_next().await.is_some() {}
        // If an exchange is cut, its refresh token may be spent and the new tokens lost.
        refresh.drained().await;
    };
    if timeout(steps.finish_timeout, finished).await.is_err() {
        tracing::warn!("drain.finish_timeout has passed; open connections and refreshes are cut");
    }
    keeping_fresh.abort();
    if let Some(administration) = administration {
        administration.abort();
    }
    tracing::info!("stopped");
    Ok(())
}
