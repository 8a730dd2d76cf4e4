//! Gateway, provider, browser and clock of a test

mod application;
mod bare;
mod browser;
mod clock;
mod forger;
mod gateway;
mod process;
mod provider;

pub(crate) use application::Application;
pub(crate) use bare::send_bare;
pub(crate) use browser::{Browser, Page, get, get_with};
pub(crate) use clock::{TestClock, until, within};
pub(crate) use dev_provider::DevProvider;
pub(crate) use forger::{Answers, Forger, SIGNS_WITH};
pub(crate) use gateway::{Gateway, HttpReply, KEY};
pub(crate) use process::Process;
pub(crate) use provider::{Issuer, Provider, provider, real_time_provider, sign_in_with_faults};
