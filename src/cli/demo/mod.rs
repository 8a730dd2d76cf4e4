//! `foregate demo`: a provider, the gateway and an application, all on this machine and nowhere else.

mod application;

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use dev_provider::DevProvider;
use tokio::net::TcpListener;

use super::command::{CommandResult, block_on, print};
use super::secret;
use crate::config::{self, Settings, Sources};
use crate::server::{self, Drain, Listener, Purpose, ReloadRequests, System};
use crate::telemetry::log::Log;

/// The options of the demo. There is none for an address: it listens on loopback alone.
#[derive(Args)]
pub(super) struct Options {
    /// The port to open in the browser; 0 takes any free one.
    #[arg(long, default_value_t = 4180)]
    port: u16,
}

pub(super) fn run(options: &Options) -> CommandResult {
    block_on(demo(options.port))
}

async fn demo(port: u16) -> CommandResult {
    let taken = |error| {
        format!("port {port} cannot be used: {error}; choose another with --port, or any with --port 0")
    };
    let public = loopback(port).await.map_err(taken)?;
    let (check, ops) = (loopback(0).await?, loopback(0).await?);
    let (address, ops_address) = (public.local_addr()?, ops.local_addr()?);
    let sockets = [(Purpose::Public, public), (Purpose::Check, check), (Purpose::Ops, ops)];
    let listeners = sockets.map(|(purpose, socket)| Listener { purpose, socket }).into();
    let application = loopback(0).await?;
    let provider_settings = dev_provider::Settings::default();
    let client = client(&provider_settings);
    let provider = dev_provider::start(provider_settings).await?;
    let settings = settings(address, application.local_addr()?, &provider)?;
    let log = Log::start(settings.log.format, settings.log.level)?;
    let application = tokio::spawn(application::serve(application));
    // A closed standard output must not stop the demo.
    let _printed = print(&welcome(address, ops_address, provider.issuer(), &client));
    let system = System::new(log.lost_lines(), ReloadRequests::never());
    server::serve(settings, listeners, system, stop()).await?;
    application.abort();
    provider.stop().await;
    Ok(())
}

async fn loopback(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

fn settings(
    public: SocketAddr,
    application: SocketAddr,
    provider: &DevProvider,
) -> Result<Settings, Box<dyn std::error::Error>> {
    let set = [
        ("public.urls", format!("http://{public}")),
        ("provider.issuer", provider.issuer().to_owned()),
        ("provider.client_id", "foregate".to_owned()),
        ("provider.client_secret", "foregate-secret".to_owned()),
        ("session.keys", secret::key()?),
        ("headers.authorization", "true".to_owned()),
        ("upstream.url", format!("http://{application}")),
    ];
    let set = set.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Ok(config::load(&Sources { file: None, set, environment: Vec::new() })?)
}

async fn stop() -> Drain {
    // Without signals there is nothing to wait for: the demo ends with its process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    Drain::PROMPT
}

/// Describes the provider's client, for another gateway that is tried with it.
fn client(settings: &dev_provider::Settings) -> String {
    let described = settings.clients.iter().map(|client| {
        let secret = client.secret.as_deref().unwrap_or("none");
        format!("client ID {}, secret {secret}, redirect URIs {}", client.id, client.redirect_uris.join(" "))
    });
    described.collect::<Vec<_>>().join("; ")
}

fn welcome(address: SocketAddr, ops: SocketAddr, issuer: &str, client: &str) -> String {
    format!(
        "\n  Foregate demo, on this machine alone\n\n  \
         1. Open      http://{address}/\n  \
         2. Sign in   testuser / testuser\n  \
         3. See       the header fields that the application behind the gateway received\n\n  \
         The provider is at {issuer}; probes and metrics are at http://{ops}/readyz and /metrics.\n  \
         The provider has the {client}\n  \
         Ctrl-C ends it; nothing is kept.\n\n"
    )
}
