//! How does the provider start and stop, and what can its owner see?

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::algorithm::SigningAlgorithm;
use crate::key::SigningKey;
use crate::observe::{Observed, TokenRequest};
use crate::refresh_token::RefreshTokens;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::{key_ring, web};

/// How long [`DevProvider::stop`] waits for requests under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the provider did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Anyone can read its passwords, so nobody else may reach it.
    #[error("{0} is not a loopback address; the development provider listens on loopback only")]
    NotLoopback(SocketAddr),
    /// Endpoints are at fixed paths below the issuer.
    #[error("the issuer {0:?} is not an http or https URL without path, query, fragment and user")]
    Issuer(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no key.
    #[error("cannot generate the signing key")]
    Key,
}

/// A running provider; it stops when dropped.
pub struct DevProvider {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// Binds, makes a key and serves in a task of its own; fails as [`StartError`] tells.
pub async fn start(settings: Settings) -> Result<DevProvider, StartError> {
    if !settings.listen.ip().to_canonical().is_loopback() {
        return Err(StartError::NotLoopback(settings.listen));
    }
    if let Some(issuer) = settings.issuer.as_ref().filter(|issuer| !is_root_url(issuer)) {
        return Err(StartError::Issuer(issuer.clone()));
    }
    let (listener, address) = bind(settings.listen).await?;
    let (key, refresh_tokens) = keys(settings.signing_algorithm).await.map_err(|_| StartError::Key)?;
    let base = settings.issuer.clone().unwrap_or_else(|| format!("http://{address}"));
    let shared = Arc::new(Shared::new(settings, base, elsewhere(address), key, refresh_tokens));
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve(listener, Arc::clone(&shared), stopped));
    Ok(DevProvider { shared, address, stop, server })
}

/// Another origin to any client, for the issuer names the address by its number unless told otherwise.
fn elsewhere(address: SocketAddr) -> String {
    format!("http://localhost:{}/elsewhere", address.port())
}

fn is_root_url(issuer: &str) -> bool {
    Url::parse(issuer).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn keys(algorithm: SigningAlgorithm) -> Result<(Arc<SigningKey>, RefreshTokens), Unspecified> {
    Ok((key_ring::generate(algorithm).await?, RefreshTokens::generate()?))
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let waiting = Arc::clone(&shared);
    let until_stopped = async move {
        // A dropped sender means a dropped provider: the same thing.
        let _ = stopped.await;
        // An answer that is slow on demand would outlive the provider by minutes.
        waiting.release_all();
    };
    // axum's accept loop retries by itself and never returns an error.
    let _ = axum::serve(listener, web::router(shared)).with_graceful_shutdown(until_stopped).await;
}

impl DevProvider {
    /// The issuer as in discovery and in every token.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// The URL its endpoints are below; the issuer, unless [`Settings::issuer_text`] says another.
    pub fn base_url(&self) -> &str {
        &self.shared.base
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The counters as they stand.
    pub fn observed(&self) -> Observed {
        self.shared.observations().observed
    }

    /// The last 100 requests to the token endpoint, oldest first.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.observations().token_requests()
    }

    /// The query parameters of the last 100 authorization requests, oldest first; the last value of a repeated name.
    pub fn authorization_requests(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.observations().authorization_requests()
    }

    /// Takes no more connections, finishes what is under way for up to two seconds, and ends.
    pub async fn stop(self) {
        let Self { stop, mut server, .. } = self;
        drop(stop);
        if tokio::time::timeout(PATIENCE, &mut server).await.is_err() {
            server.abort();
        }
    }
}

impl fmt::Debug for DevProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevProvider").field("issuer", &self.shared.issuer).finish_non_exhaustive()
    }
}
