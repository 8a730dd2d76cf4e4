//! The process: what listens, what runs behind it, how it ends.

mod assemble;
mod drain;
mod gate;
mod head;
mod keys;
mod listen;
mod ops;
mod reload;
mod share;
mod system;
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::drain::Drain;
use self::listen::Service;
pub use self::reload::{ReloadRequests, Reloader};
pub use self::system::{System, SystemClock, SystemEntropy};
use self::tls::Tls;
use crate::certificate::TlsFiles;
use crate::config::Settings;

/// The sockets, bound before anything runs: whoever starts the server may choose free ports.
pub struct Listeners {
    /// For browsers.
    pub public: TcpListener,
    /// For proxies.
    pub check: TcpListener,
    /// For probes and Prometheus.
    pub ops: TcpListener,
}

/// Why the process does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(
        "{setting} = \"{address}\": cannot listen there: {cause}; set {setting} to an address of this machine with a free port"
    )]
    Listen {
        /// The key.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// A part cannot be built of the settings.
    #[error("{0}")]
    Build(String),
}

impl Listeners {
    /// Binds the addresses that are configured.
    pub async fn bind(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            public: bind("public.listen", settings.public.listen).await?,
            check: bind("check.listen", settings.check.listen).await?,
            ops: bind("ops.listen", settings.ops.listen).await?,
        })
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { setting, address, cause })
}

/// Serves until `stop` ends, then drains.
pub async fn serve(
    settings: Settings,
    listeners: Listeners,
    system: System,
    stop: impl Future<Output = Drain>,
) -> Result<(), StartError> {
    let public_tls = tls("public", settings.public.tls.as_ref(), &system)?;
    let check_tls = tls("check", settings.check.tls.as_ref(), &system)?;
    let known = settings.check.trusted_proxies.clone();
    let gateway = assemble::gateway(settings, &system)?;
    let (drain, draining) = drain::channel();
    let (readiness, refresh) = (Arc::clone(&gateway.readiness), Arc::clone(&gateway.refresh));
    let keeping_fresh = tokio::spawn(gateway.keep_fresh);
    let mut serving = JoinSet::new();
    let check_limits = if known.is_empty() { listen::CHECK.by_certificate() } else { listen::CHECK };
    // The proxy that asks is usually the one through which browsers come, too.
    let service = |app, limits, tls| Service { app, limits, known: known.clone(), tls };
    let public = service(gateway.public, listen::PUBLIC, public_tls);
    let check = service(gateway.check, check_limits, check_tls);
    let ops = service(gateway.ops, listen::OPS, None);
    serving.spawn(listen::serve(listeners.public, public, draining.clone()));
    serving.spawn(listen::serve(listeners.check, check, draining.clone()));
    serving.spawn(listen::serve(listeners.ops, ops, draining));
    let how = stop.await;
    tracing::info!("stopping: no longer ready, serving on for {:?}", how.unready_first);
    readiness.unready();
    drain.begin(how).await;
    while serving.join_next().await.is_some() {}
    // An exchange that is cut off may have used its refresh token up for nothing.
    let _drained = tokio::time::timeout(how.finish_within, refresh.drained()).await;
    keeping_fresh.abort();
    tracing::info!("stopped");
    Ok(())
}

fn tls(section: &'static str, files: Option<&TlsFiles>, system: &System) -> Result<Option<Tls>, StartError> {
    let tls = files.map(|files| Tls::new(section, files.clone(), tls::EVERY, system.reloads.clone()));
    let tls = tls.transpose();
    tls.map_err(|error| StartError::Build(format!("{section}.{}: {error}", error.file.key())))
}
