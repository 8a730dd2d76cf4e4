//! Start, stop and observation of the provider

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

/// The maximum time that [`DevProvider::stop`] waits for requests in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the provider did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The passwords are public, so only this machine may reach the provider.
    #[error("{0} is not a loopback address; the development provider listens on loopback only")]
    NotLoopback(SocketAddr),
    /// Endpoints are at fixed paths below the issuer.
    #[error("the issuer {0:?} is not an http or https URL without path, query, fragment and user")]
    Issuer(String),
    /// The provider cannot listen on the address.
    #[error("cannot listen on {address}")]
    Bind {
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The operating system did not provide the randomness for a key.
    #[error("cannot generate the signing key")]
    Key,
}

/// A running provider. It stops when it is dropped.
pub struct DevProvider {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// Binds the address, generates a key and serves in a separate task. [`StartError`] lists the errors.
pub async fn start(settings: Settings) -> Result<DevProvider, StartError> {
    if !settings.listen.ip().to_canonical().is_loopback() {
        return Err(StartError::NotLoopback(settings.listen));
    }
    if let Some(issuer) = settings.issuer.as_ref().filter(|issuer| !is_root_url(issuer)) {
        return Err(StartError::Issuer(issuer.clone()));
    }
    let (listener, address) = bind(settings.listen).await?;
    let (key, refresh_tokens) =
        generate_keys(settings.signing_algorithm).await.map_err(|_| StartError::Key)?;
    let slash = if settings.shape.issuer_slash { "/" } else { "" };
    let base = settings.issuer.clone().unwrap_or_else(|| format!("http://{address}{slash}"));
    let shared = Arc::new(Shared::new(settings, base, other_host_base(address), key, refresh_tokens));
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve(listener, Arc::clone(&shared), stopped));
    Ok(DevProvider { shared, address, stop, server })
}

/// Returns the base URL at `localhost`. It is another origin for a client, because the default issuer contains the
/// numeric address.
fn other_host_base(address: SocketAddr) -> String {
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

async fn generate_keys(algorithm: SigningAlgorithm) -> Result<(Arc<SigningKey>, RefreshTokens), Unspecified> {
    Ok((key_ring::generate(algorithm).await?, RefreshTokens::generate()?))
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let delayed = Arc::clone(&shared);
    let until_stopped = async move {
        // A dropped sender means a dropped provider, which also stops the server.
        let _ = stopped.await;
        // Without this, a response that a fault delays would outlive the provider by minutes.
        delayed.release_all();
    };
    // axum's accept loop retries and never returns an error.
    let _ = axum::serve(listener, web::router(shared)).with_graceful_shutdown(until_stopped).await;
}

impl DevProvider {
    /// Returns the issuer, as in discovery and in every token.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Returns the base URL of the endpoints: the issuer, unless [`Settings::issuer_text`] sets another issuer.
    pub fn base_url(&self) -> &str {
        &self.shared.base
    }

    /// Returns the address that the provider listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the current counters.
    pub fn observed(&self) -> Observed {
        self.shared.observations().observed
    }

    /// Returns the last 100 requests to the token endpoint, oldest first.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.observations().token_requests()
    }

    /// Returns the query parameters of the last 100 authorization requests, oldest first. A repeated name has its last
    /// value.
    pub fn authorization_requests(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.observations().authorization_requests()
    }

    /// Stops the provider. It accepts no more connections and completes requests in progress for at most two seconds.
    pub async fn stop(self) {
        let Self { stop, mut server, .. } = self;
        drop(stop);
        if tokio::time::timeout(STOP_TIMEOUT, &mut server).await.is_err() {
            server.abort();
        }
    }
}

impl fmt::Debug for DevProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevProvider").field("issuer", &self.shared.issuer).finish_non_exhaustive()
    }
}
