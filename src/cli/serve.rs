//! `foregate serve`: the gateway, until a signal stops it

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::command::{CommandResult, Logged, block_on};
use super::options::ConfigOptions;
use crate::config::Settings;
use crate::server::{self, Drain, Listener, Reloader, System};
use crate::telemetry::log::Log;

pub(super) fn run(options: &ConfigOptions) -> CommandResult {
    let settings = options.load()?;
    let log = Log::start(settings.log.format, settings.log.level)?;
    // From here on, only the log's thread writes to standard error, because its reader may have stalled.
    block_on(serve(settings, &log)).map_err(|error| {
        tracing::error!("{error}");
        Box::new(Logged) as Box<dyn std::error::Error>
    })
}

async fn serve(settings: Settings, log: &Log) -> CommandResult {
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let signals = Signals::new(&settings)?;
    let listeners = Listener::bind_all(&settings).await?;
    for Listener { purpose, socket } in &listeners {
        let (listener, address) = (purpose.name(), socket.local_addr()?);
        tracing::info!(listener, %address, version = env!("CARGO_PKG_VERSION"), "listening");
    }
    let (reloader, reloads) = Reloader::new();
    let system = System::new(log.lost_lines(), reloads);
    let configured_drain = Drain::from(&settings.drain);
    Ok(server::serve(settings, listeners, system, signals.handle_until_stop(reloader, configured_drain))
        .await?)
}

/// The signals that would end the process without a handler.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    /// The settings whose files SIGHUP reads again.
    reloadable: Vec<&'static str>,
}

impl Signals {
    fn new(settings: &Settings) -> std::io::Result<Self> {
        let reloadable = [
            ("session.keys_file", settings.session.keys_file.is_some()),
            ("public.tls", settings.public.tls.is_some()),
            ("check.tls", settings.check.tls.is_some()),
        ];
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            reloadable: reloadable.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key).collect(),
        })
    }

    /// Handles signals until one stops the process. SIGTERM drains as configured, Ctrl-C drains with
    /// [`Drain::PROMPT`].
    async fn handle_until_stop(mut self, reloader: Reloader, configured_drain: Drain) -> Drain {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return configured_drain,
                _ = self.interrupt.recv() => return Drain::PROMPT,
                _ = self.hangup.recv() => self.reload(&reloader),
                _ = self.user1.recv() => log_ignored("SIGUSR1"),
                _ = self.user2.recv() => log_ignored("SIGUSR2"),
            }
        }
    }

    fn reload(&self, reloader: &Reloader) {
        if self.reloadable.is_empty() {
            tracing::info!(
                "SIGHUP has no effect: neither session.keys_file nor a TLS certificate file is set, and all other settings \
                 change only with a restart"
            );
        } else {
            tracing::info!(files = self.reloadable.join(" "), "SIGHUP: reading keys and certificates again");
            reloader.request();
        }
    }
}

fn log_ignored(signal: &'static str) {
    tracing::info!("{signal}: ignored; SIGHUP reads keys and certificates again, SIGTERM stops the gateway");
}
