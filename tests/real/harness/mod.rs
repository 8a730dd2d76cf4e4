//! What does a test stand on?

mod authority;
mod caddy;
mod caller;
mod chromium;
mod crowd;
mod echo;
mod front;
mod gateway;
mod keycloak;
mod oidc_provider;
mod pictures;
mod process;
mod stage;
mod traefik;

pub(crate) use authority::Authority;
pub(crate) use caller::{Caller, Reply};
pub(crate) use chromium::Chromium;
pub(crate) use crowd::{Crowd, POLLERS, Polls, Tab, person};
pub(crate) use echo::{Echo, POLLED, Seen};
pub(crate) use front::{Aliases, Backends, Cookies, Front, FrontProxy, Proxy};
pub(crate) use gateway::{Gateway, Registration, foregate};
pub(crate) use keycloak::{Realm, user};
pub(crate) use oidc_provider::OidcProvider;
pub(crate) use process::{Program, Scratch, free_addresses};
pub(crate) use stage::{Place, Stage};
