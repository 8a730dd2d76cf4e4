//! The stage of a test: browser → proxy → gateway → provider, and the application behind.

use std::net::SocketAddr;

use dev_provider::{DevProvider, Settings};

use super::authority::Authority;
use super::caller::Caller;
use super::chromium::Chromium;
use super::echo::{Echo, Seen};
use super::front::{Backends, Front, FrontProxy};
use super::gateway::{Gateway, Registration};
use super::process::{Scratch, free_addresses};

/// Where people will come to, known before anything stands there: a provider wants to be told beforehand.
pub(crate) struct Place {
    address: SocketAddr,
    pub(crate) origin: String,
    pub(crate) scratch: Scratch,
}

impl Place {
    pub(crate) fn new() -> Self {
        let [address] = free_addresses();
        Self { address, origin: format!("https://app.localhost:{}", address.port()), scratch: Scratch::new() }
    }
}

/// Everything of one test; in the order in which it is to go away.
pub(crate) struct Stage<P = DevProvider> {
    provider: Option<P>,
    pub(crate) gateway: Gateway,
    _front: FrontProxy,
    echo: Echo,
    authority: Authority,
    place: Place,
}

impl Stage {
    /// A proxy, or one whose files differ from the documented ones, and the provider of development.
    pub(crate) async fn open(front: impl Into<Front>) -> Self {
        let provider = dev_provider::start(Settings::default()).await.unwrap();
        let registration = Registration::at(provider.issuer(), "dev");
        Self::raise(Place::new(), provider, &registration, front).await
    }

    pub(crate) async fn stop_provider(&mut self) {
        if let Some(provider) = self.provider.take() {
            provider.stop().await;
        }
    }
}

impl<P> Stage<P> {
    /// The gateway and all around it, for any provider.
    pub(crate) async fn raise(
        place: Place,
        provider: P,
        registration: &Registration,
        front: impl Into<Front>,
    ) -> Self {
        let Place { address, origin, scratch } = &place;
        let authority = Authority::new("app.localhost");
        let echo = Echo::start().await;
        let gateway = Gateway::start(origin, registration, scratch).await;
        let backends = Backends { app: echo.address(), public: gateway.public(), check: gateway.check() };
        let front = FrontProxy::start(*address, front, &backends, &authority, scratch).await;
        Self { provider: Some(provider), gateway, _front: front, echo, authority, place }
    }

    /// An address as people know it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.place.origin)
    }

    pub(crate) fn origin(&self) -> &str {
        &self.place.origin
    }

    /// Kills the gateway without a word to it, and starts it again with the same file.
    pub(crate) async fn restart_gateway(&mut self) {
        self.gateway.restart(&self.place.scratch).await;
    }

    pub(crate) fn provider(&self) -> &P {
        self.provider.as_ref().expect("the provider has not been stopped")
    }

    pub(crate) async fn chromium(&self) -> Chromium {
        Chromium::start(Some(self.authority.pin()), &self.place.scratch).await
    }

    /// A program without a session.
    pub(crate) fn stranger(&self) -> Caller {
        Caller::new(&self.place.origin, self.place.address, &self.authority)
    }

    /// A program with the session of `user`.
    pub(crate) async fn caller(&self, user: &str) -> Caller {
        self.stranger().signed_in(user).await
    }

    /// What reached the application at exactly this path and query.
    pub(crate) fn arrived(&self, target: &str) -> Vec<Seen> {
        self.echo.seen().into_iter().filter(|seen| seen.target == target).collect()
    }

    /// Everything that reached the application.
    pub(crate) fn all_arrived(&self) -> Vec<Seen> {
        self.echo.seen()
    }
}
