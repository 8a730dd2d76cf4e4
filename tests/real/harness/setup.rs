//! Setup of a test: browser → proxy → gateway → provider, and the application behind the proxy

use std::net::SocketAddr;

use dev_provider::{DevProvider, Settings};

use super::authority::Authority;
use super::chromium::Chromium;
use super::echo::{Echo, ReceivedRequest};
use super::gateway::{Gateway, Registration};
use super::process::{Scratch, free_addresses};
use super::proxy::{ProxyOptions, RunningProxy};
use super::raw_client::RawClient;
use super::test_client::TestClient;

/// Address, origin and scratch directory of a test. They are reserved first, because the provider is configured with
/// the origin before the gateway starts.
pub(crate) struct Reserved {
    address: SocketAddr,
    pub(crate) origin: String,
    pub(crate) scratch: Scratch,
}

impl Reserved {
    pub(crate) fn new() -> Self {
        let [address] = free_addresses();
        Self { address, origin: format!("https://app.localhost:{}", address.port()), scratch: Scratch::new() }
    }
}

/// All servers of one test. The order of the fields is the order in which they end.
pub(crate) struct Setup<P = DevProvider> {
    provider: Option<P>,
    pub(crate) gateway: Gateway,
    _proxy: RunningProxy,
    echo: Echo,
    authority: Authority,
    reserved: Reserved,
}

impl Setup {
    /// Starts the gateway behind a proxy and the development provider. `options` can change the documented files.
    pub(crate) async fn start(options: impl Into<ProxyOptions>) -> Self {
        let provider = dev_provider::start(Settings::default()).await.unwrap();
        let registration = Registration::at(provider.issuer(), "dev");
        Self::with_provider(Reserved::new(), provider, &registration, options).await
    }

    pub(crate) async fn stop_provider(&mut self) {
        if let Some(provider) = self.provider.take() {
            provider.stop().await;
        }
    }
}

impl<P> Setup<P> {
    /// Starts the gateway, the proxy and the application for any provider.
    pub(crate) async fn with_provider(
        reserved: Reserved,
        provider: P,
        registration: &Registration,
        options: impl Into<ProxyOptions>,
    ) -> Self {
        Self::with_application(reserved, provider, registration, options, None).await
    }

    /// Like [`Setup::with_provider`], with another application than [`Echo`].
    pub(crate) async fn with_application(
        reserved: Reserved,
        provider: P,
        registration: &Registration,
        options: impl Into<ProxyOptions>,
        application: Option<SocketAddr>,
    ) -> Self {
        let Reserved { address, origin, scratch } = &reserved;
        let authority = Authority::new("app.localhost");
        let echo = Echo::start().await;
        let gateway = Gateway::start(origin, registration, scratch).await;
        let backends = gateway.backends(application.unwrap_or_else(|| echo.address()));
        let proxy = RunningProxy::start(*address, options, &backends, &authority, scratch).await;
        Self { provider: Some(provider), gateway, _proxy: proxy, echo, authority, reserved }
    }

    /// Returns the URL of a path behind the proxy.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.reserved.origin)
    }

    /// Returns the directory of the programs.
    pub(crate) fn scratch(&self) -> &Scratch {
        &self.reserved.scratch
    }

    pub(crate) fn origin(&self) -> &str {
        &self.reserved.origin
    }

    /// Returns the address of the proxy.
    pub(crate) fn address(&self) -> SocketAddr {
        self.reserved.address
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Kills the gateway without a graceful shutdown and starts it again with the same file.
    pub(crate) async fn restart_gateway(&mut self) {
        self.gateway.restart(&self.reserved.scratch).await;
    }

    pub(crate) fn provider(&self) -> &P {
        self.provider.as_ref().expect("the provider has not been stopped")
    }

    pub(crate) async fn chromium(&self) -> Chromium {
        Chromium::start(Some(self.authority.pin()), &self.reserved.scratch).await
    }

    /// Returns a client without a session.
    pub(crate) fn anonymous_client(&self) -> TestClient {
        TestClient::new(&self.reserved.origin, self.reserved.address, &self.authority)
    }

    /// Returns a client that sends requests byte for byte.
    pub(crate) fn raw_client(&self) -> RawClient {
        RawClient::new(self.reserved.address, &self.authority)
    }

    /// Returns a client with a session of `user`.
    pub(crate) async fn signed_in_client(&self, user: &str) -> TestClient {
        self.anonymous_client().signed_in(user).await
    }

    /// Returns the requests that reached the application with exactly this path and query.
    pub(crate) fn requests_to(&self, target: &str) -> Vec<ReceivedRequest> {
        self.echo.requests().into_iter().filter(|received| received.target == target).collect()
    }

    /// Returns all requests that reached the application.
    pub(crate) fn all_requests(&self) -> Vec<ReceivedRequest> {
        self.echo.requests()
    }
}
