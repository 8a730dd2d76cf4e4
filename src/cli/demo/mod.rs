//! `foregate demo`: a provider, the gateway and an application, on the loopback interface only

mod application;

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dev_provider::{DevProvider, Preset};
use tokio::net::TcpListener;

use super::command::{CommandResult, block_on, print};
use super::secret;
use crate::config::{self, Settings, Sources};
use crate::server::{self, Drain, Listener, Purpose, ReloadRequests, System};
use crate::telemetry::log::Log;

/// The options of the demo. The address is not an option, because the demo listens on loopback only.
#[derive(Args)]
pub(super) struct Options {
    /// The port to open in the browser. 0 selects a free port.
    #[arg(long, default_value_t = 4180)]
    port: u16,

    /// Give the provider the shape of another one. The gateway keeps its default settings, so its log and its pages
    /// report what that provider requires.
    #[arg(long, value_name = "NAME", value_parser = preset_parser())]
    like: Option<Preset>,
}

/// Returns a parser that explains the presets in the help and lists them in its errors.
fn preset_parser() -> impl TypedValueParser<Value = Preset> {
    let values = Preset::ALL.map(|preset| PossibleValue::new(preset.name()).help(preset.title()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Preset>())
}

pub(super) fn run(options: &Options) -> CommandResult {
    block_on(demo(options.port, options.like))
}

async fn demo(port: u16, like: Option<Preset>) -> CommandResult {
    let taken = |error| {
        format!(
            "port {port} cannot be used: {error}; choose another port with --port, or a free one with --port 0"
        )
    };
    let public = bind_loopback(port).await.map_err(taken)?;
    let (check, ops) = (bind_loopback(0).await?, bind_loopback(0).await?);
    let (address, ops_address) = (public.local_addr()?, ops.local_addr()?);
    let sockets = [(Purpose::Public, public), (Purpose::Check, check), (Purpose::Ops, ops)];
    let listeners = sockets.map(|(purpose, socket)| Listener { purpose, socket }).into();
    let application = bind_loopback(0).await?;
    let provider_settings = like.map_or_else(dev_provider::Settings::default, dev_provider::Settings::like);
    let clients = describe_clients(&provider_settings);
    let provider = dev_provider::start(provider_settings).await?;
    let settings = demo_settings(address, application.local_addr()?, &provider)?;
    let log = Log::start(settings.log.format, settings.log.level)?;
    let application = tokio::spawn(application::serve(application));
    // A closed standard output must not stop the demo.
    let _printed = print(&welcome_text(address, ops_address, provider.issuer(), &clients, like));
    let system = System::new(log.lost_lines(), ReloadRequests::never());
    server::serve(settings, listeners, system, wait_for_ctrl_c()).await?;
    application.abort();
    provider.stop().await;
    Ok(())
}

async fn bind_loopback(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

fn demo_settings(
    public: SocketAddr,
    application: SocketAddr,
    provider: &DevProvider,
) -> Result<Settings, Box<dyn std::error::Error>> {
    let set = [
        ("public.urls", format!("http://{public}")),
        ("provider.issuer", provider.issuer().to_owned()),
        ("provider.client_id", "foregate".to_owned()),
        ("provider.client_secret", "foregate-secret".to_owned()),
        ("session.keys", secret::generate_key()?),
        ("headers.authorization", "true".to_owned()),
        ("upstream.url", format!("http://{application}")),
    ];
    let set = set.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Ok(config::load(&Sources { file: None, set, environment: Vec::new() })?)
}

async fn wait_for_ctrl_c() -> Drain {
    // If signals are unavailable, the demo runs until its process ends.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    Drain::PROMPT
}

/// Returns a description of the provider's clients, so that another gateway can be tried with the provider.
fn describe_clients(settings: &dev_provider::Settings) -> String {
    let described = settings.clients.iter().map(|client| {
        let secret = client.secret.as_deref().unwrap_or("none");
        format!("client ID {}, secret {secret}, redirect URIs {}", client.id, client.redirect_uris.join(" "))
    });
    described.collect::<Vec<_>>().join("; ")
}

fn welcome_text(
    address: SocketAddr,
    ops: SocketAddr,
    issuer: &str,
    clients: &str,
    like: Option<Preset>,
) -> String {
    let shape = like.map(|preset| format!("{}\n  ", describe_shape(preset)));
    let shape = shape.unwrap_or_default();
    format!(
        "\n  Foregate demo, on this machine only\n\n  \
         1. Open      http://{address}/\n  \
         2. Sign in   testuser / testuser\n  \
         3. See       the header fields that the application behind the gateway received\n\n  \
         The provider is at {issuer}; probes and metrics are at http://{ops}/readyz and /metrics.\n  \
         The provider has the {clients}\n  {shape}\
         Ctrl-C stops the demo; no data is kept.\n\n"
    )
}

/// Returns what is special about a preset, and whether a sign-in succeeds with the settings of the demo.
fn describe_shape(preset: Preset) -> String {
    let shape = format!("It has the shape of {preset} ({}). {}", preset.title(), preset.rule());
    if dev_provider::Settings::like(preset).shape.has_user_name() {
        return shape;
    }
    format!(
        "{shape}\n  The gateway refuses each sign-in, because the ID token lacks the claim of claims.user. The log line \
         \"sign-in failed\"\n  names the settings to change."
    )
}
