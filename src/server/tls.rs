//! Which certificate does a listener show now?
//!
//! The files are followed. New ones that cannot be used leave the old ones in place, and one line in the log says so.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::reload::{self, Reason, ReloadRequests};
use crate::certificate::{TlsFiles, TlsFilesError, TlsTexts};

/// How often the files are looked at.
pub(super) const EVERY: Duration = Duration::from_secs(30);

/// The TLS of one listener.
pub(super) struct Tls {
    /// For the log.
    section: &'static str,
    files: TlsFiles,
    every: Duration,
    reloads: ReloadRequests,
    current: ArcSwap<ServerConfig>,
    /// What stood in the files at the start.
    first: Seen,
}

/// What was found in the files: a digest of their texts, or why they cannot be read.
type Seen = Result<[u8; 32], TlsFilesError>;

impl Tls {
    /// Reads the files; fails where they cannot be used.
    pub(super) fn new(
        section: &'static str,
        files: TlsFiles,
        every: Duration,
        reloads: ReloadRequests,
    ) -> Result<Self, TlsFilesError> {
        let texts = files.read()?;
        let current = ArcSwap::from_pointee(texts.server_config()?);
        Ok(Self { section, files, every, reloads, current, first: Ok(texts.digest()) })
    }

    /// What the next connection is accepted with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Follows the files for ever, or is done at once where there are none.
    pub(super) async fn follow(tls: Option<Arc<Self>>) {
        let Some(tls) = tls else { return };
        let (reloads, first) = (tls.reloads.clone(), tls.first.clone());
        reload::follow(tls.every, reloads, first, move |before, reason| tls.look(before, reason)).await;
    }

    /// Takes what has changed since `before`, if it can be used. Reports what is new, or what was asked for.
    fn look(&self, before: &Seen, reason: Reason) -> Seen {
        let read = self.files.read();
        let seen = read.as_ref().map(TlsTexts::digest).map_err(Clone::clone);
        if seen == *before && reason == Reason::Interval {
            return seen;
        }
        match read.and_then(|texts| texts.server_config()) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!("{}: the TLS files were read again, and are in use", self.section);
            }
            Err(error) => {
                let (section, file) = (self.section, error.file.key());
                tracing::error!("{section}.{file}: {error}; the certificate read before stays in use");
            }
        }
        seen
    }
}
