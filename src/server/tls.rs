//! Which certificate does a listener show now?
//!
//! The files are followed. New ones that cannot be used leave the old ones in place, and one line in the log says so.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::reload;
use crate::certificate::{TlsFiles, TlsFilesError, TlsTexts};

/// How often the files are looked at.
pub(super) const EVERY: Duration = Duration::from_secs(30);

/// The TLS of one listener.
pub(super) struct Tls {
    /// For the log.
    section: &'static str,
    files: TlsFiles,
    every: Duration,
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
    ) -> Result<Self, TlsFilesError> {
        let texts = files.read()?;
        let current = ArcSwap::from_pointee(texts.server_config()?);
        Ok(Self { section, files, every, current, first: Ok(texts.digest()) })
    }

    /// What the next connection is accepted with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Follows the files for ever, or is done at once where there are none.
    pub(super) async fn follow(tls: Option<Arc<Self>>) {
        let Some(tls) = tls else { return };
        reload::follow(tls.every, tls.first.clone(), move |before| tls.look(before)).await;
    }

    /// Takes what has changed since `before`, if it can be used. Tells only of what is new.
    fn look(&self, before: &Seen) -> Seen {
        let read = self.files.read();
        let seen = read.as_ref().map(TlsTexts::digest).map_err(Clone::clone);
        if seen == *before {
            return seen;
        }
        match read.and_then(|texts| texts.server_config()) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!("{}: the TLS files have changed and are used", self.section);
            }
            Err(error) => {
                let (section, file) = (self.section, error.file.key());
                tracing::error!("{section}.{file}: {error}; the certificate from before goes on");
            }
        }
        seen
    }
}
