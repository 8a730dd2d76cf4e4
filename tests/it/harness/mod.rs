//! A gateway, a provider and a browser, ready to play a scene.

mod application;
mod browser;
mod forger;
mod gateway;
mod process;

pub(crate) use application::Application;
pub(crate) use browser::{Browser, Page, get, get_with};
pub(crate) use dev_provider::DevProvider;
pub(crate) use forger::{Answers, Forger, SIGNS_WITH};
pub(crate) use gateway::{Asked, Gateway, KEY};
pub(crate) use process::Process;

/// A provider with the default people: testuser (dev, ops), alice (dev), bob (no groups).
pub(crate) async fn provider() -> DevProvider {
    dev_provider::start(dev_provider::Settings::default()).await.unwrap()
}
