//! Programs, servers and clients of the tests

mod authority;
mod caddy;
mod chromium;
mod cilium;
mod echo;
mod envoy;
pub(crate) mod form;
pub(crate) mod gateway;
mod haproxy;
mod http2;
pub(crate) mod jar;
mod keycloak;
mod nginx;
mod nonsense;
mod oidc_provider;
mod polling_tabs;
mod process;
mod proxy;
mod raw_client;
mod screenshots;
mod setup;
mod test_client;
mod traefik;
mod wait;
mod wsgi;

pub(crate) use authority::Authority;
pub(crate) use chromium::Chromium;
pub(crate) use echo::{Echo, POLL_PATH, ReceivedRequest};
pub(crate) use gateway::{Gateway, Registration, foregate};
pub(crate) use http2::open_websocket;
pub(crate) use keycloak::{Realm, user};
pub(crate) use nonsense::Nonsense;
pub(crate) use oidc_provider::OidcProvider;
pub(crate) use polling_tabs::{Failure, POLLERS_PER_TAB, PollResults, PollingTabs, Tab, user_name};
pub(crate) use process::{Program, Scratch, free_addresses, panic_missing, repository, send_signal};
pub(crate) use proxy::{
    Aliases, Backends, ClientHeaders, Cookies, HeaderRoom, Proxy, ProxyOptions, RunningProxy, UpstreamHeaders,
};
pub(crate) use raw_client::{RawClient, RawReply};
pub(crate) use setup::{Reserved, Setup};
pub(crate) use test_client::{Reply, TestClient};
pub(crate) use wait::until;
pub(crate) use wsgi::{Wsgi, parse_variables};
