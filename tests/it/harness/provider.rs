//! The development provider with the clock of a test

use std::ops::Deref;

use dev_provider::{DevProvider, Fault, Settings};

use super::{Browser, Forger, Gateway, Page, TestClock};

/// A development provider and its clock. A gateway that is started for it shares the clock.
pub(crate) struct Provider {
    inner: DevProvider,
    pub(crate) clock: TestClock,
}

impl Provider {
    /// Starts a provider with a new clock.
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::start_at(TestClock::new(), settings).await
    }

    /// Starts a provider with this clock.
    pub(crate) async fn start_at(clock: TestClock, settings: Settings) -> Self {
        let settings = Settings { clock: clock.of_provider(), ..settings };
        Self { inner: dev_provider::start(settings).await.unwrap(), clock }
    }

    pub(crate) async fn stop(self) {
        self.inner.stop().await;
    }
}

impl Deref for Provider {
    type Target = DevProvider;

    fn deref(&self) -> &DevProvider {
        &self.inner
    }
}

/// Starts a provider with the default users: testuser (dev, ops), alice (dev), bob (no groups).
pub(crate) async fn provider() -> Provider {
    Provider::start(Settings::default()).await
}

/// Signs testuser in while the provider has these faults. Returns the last page, which is `/deep` after a success.
pub(crate) async fn sign_in_with_faults(
    provider: &Provider,
    gateway: &Gateway,
    faults: &[&str],
) -> (Browser, Page) {
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start?rd=/deep")).await;
    let armed: Vec<Fault> = faults.iter().map(|name| name.parse().unwrap()).collect();
    provider.arm_all(&armed);
    let page = browser.sign_in(&form, "testuser", "testuser").await;
    provider.release_all();
    (browser, page)
}

/// The same in real time, for a gateway in its own process.
pub(crate) async fn real_time_provider() -> DevProvider {
    dev_provider::start(Settings::default()).await.unwrap()
}

/// What a gateway needs of its provider: the issuer, and the clock that both use.
pub(crate) struct Issuer<'i> {
    pub(crate) text: &'i str,
    pub(crate) clock: TestClock,
}

impl<'i> From<&'i Provider> for Issuer<'i> {
    fn from(provider: &'i Provider) -> Self {
        Self { text: provider.issuer(), clock: provider.clock.clone() }
    }
}

impl<'i> From<&'i Forger> for Issuer<'i> {
    fn from(forger: &'i Forger) -> Self {
        Self { text: forger.issuer(), clock: forger.clock().clone() }
    }
}

/// An issuer without a provider, or one that shares no clock.
impl<'i> From<&'i str> for Issuer<'i> {
    fn from(text: &'i str) -> Self {
        Self { text, clock: TestClock::new() }
    }
}
