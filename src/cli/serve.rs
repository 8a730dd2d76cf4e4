//! `foregate serve`: the gateway, until a signal ends it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CommandResult;
use super::options::ConfigOptions;
use crate::config::Settings;
use crate::server::{self, Drain, Listeners};
use crate::telemetry::log;

pub(super) fn run(options: &ConfigOptions) -> CommandResult {
    let settings = options.load()?;
    log::begin(settings.log.format, settings.log.level);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> CommandResult {
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listeners = Listeners::bind(&settings).await?;
    tracing::info!(
        public = %listeners.public.local_addr()?,
        check = %listeners.check.local_addr()?,
        ops = %listeners.ops.local_addr()?,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    Ok(server::serve(settings, listeners, stop(terminate, interrupt)).await?)
}

/// An orchestrator's signal drains in order; a person's Ctrl-C does not make them wait.
async fn stop(mut terminate: Signal, mut interrupt: Signal) -> Drain {
    tokio::select! {
        _ = terminate.recv() => Drain::ORDERLY,
        _ = interrupt.recv() => Drain::PROMPT,
    }
}
