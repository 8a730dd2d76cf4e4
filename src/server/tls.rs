//! Reload of a listener's certificate from its files
//!
//! 1. The files are read at intervals and on request.
//! 2. If new files cannot be used, the current certificate stays in use, and one log line reports the reason.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::reload::{self, Reason, ReloadRequests};
use crate::certificate::{Protocol, TlsFiles, TlsFilesError, TlsTexts};

/// The interval at which the files are read.
pub(super) const RELOAD_INTERVAL: Duration = Duration::from_secs(30);

/// The TLS state of one listener.
pub(super) struct Tls {
    /// The listener's section in the settings, for the log.
    section: &'static str,
    protocol: Protocol,
    files: TlsFiles,
    interval: Duration,
    reloads: ReloadRequests,
    current: ArcSwap<ServerConfig>,
    /// The state of the files at the start.
    first: TlsFilesState,
}

/// The digest of the files' content, or the reason why they cannot be read.
type TlsFilesState = Result<[u8; 32], TlsFilesError>;

impl Tls {
    /// Reads the files. Fails if they cannot be used.
    pub(super) fn new(
        section: &'static str,
        protocol: Protocol,
        files: TlsFiles,
        interval: Duration,
        reloads: ReloadRequests,
    ) -> Result<Self, TlsFilesError> {
        let texts = files.read()?;
        let current = ArcSwap::from_pointee(texts.server_config(protocol)?);
        Ok(Self { section, protocol, files, interval, reloads, current, first: Ok(texts.digest()) })
    }

    /// Returns the acceptor for the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Follows the files forever. Returns at once if there are none.
    pub(super) async fn follow_files(tls: Option<Arc<Self>>) {
        let Some(tls) = tls else { return };
        let (reloads, first) = (tls.reloads.clone(), tls.first.clone());
        reload::follow(tls.interval, reloads, first, move |before, reason| {
            tls.reload_if_changed(before, reason)
        })
        .await;
    }

    /// Uses the files if they have changed since `before` and can be used. Logs a change, and the result of each request.
    fn reload_if_changed(&self, before: &TlsFilesState, reason: Reason) -> TlsFilesState {
        let read = self.files.read();
        let state = read.as_ref().map(TlsTexts::digest).map_err(Clone::clone);
        if state == *before && reason == Reason::Interval {
            return state;
        }
        match read.and_then(|texts| texts.server_config(self.protocol)) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!("{}: TLS files read again, and in use", self.section);
            }
            Err(error) => {
                let (section, file) = (self.section, error.file.key());
                tracing::error!("{section}.{file}: {error}; the certificate read before stays in use");
            }
        }
        state
    }
}
