//! An OpenID Provider for demos and tests: real flows, strict refresh-token reuse detection, loopback only.
//!
//! [`start`] binds, makes a key and serves until the returned [`DevProvider`] is stopped or dropped.
//! What it does wrong on demand is a [`Fault`], armed by [`DevProvider::arm`]; the README lists all of them by name.
//! The rules it keeps, because a gateway is only as well tested as its provider is strict:
//! 1. It refuses to listen on anything but loopback, and every page says it is not for production.
//! 2. PKCE with S256 is required of every client (RFC 7636, RFC 9700 §2.1.1).
//! 3. A redirect URI that is not registered is never redirected to (RFC 6749 §4.1.2.1).
//! 4. A code or a refresh token presented twice kills all that came from it (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
//! 5. Everything remembered is bounded, and nothing survives the process.

#![forbid(unsafe_code)]

mod algorithm;
mod arming;
mod bounded;
mod claims;
mod clock;
mod control;
mod der;
mod fault;
mod forge;
mod jwt;
mod key;
mod key_ring;
mod logout;
mod observe;
mod params;
mod pkce;
mod provider;
mod random;
mod redirect;
mod refresh_token;
mod settings;
mod shared;
mod store;
mod tokens;
mod web;

pub use algorithm::SigningAlgorithm;
pub use clock::Clock;
pub use control::KeyError;
pub use fault::{
    AuthorizationFault, ClaimFault, DiscoveryFault, Endpoint, Fault, HeaderFault, IdentityFault, JwksFault,
    LogoutFault, PayloadFault, SignatureFault, TokenFault, TransportFault, UnknownFault, UserinfoFault,
};
pub use logout::LoggedOut;
pub use observe::{Observed, TokenRequest};
pub use provider::{DevProvider, StartError, start};
pub use settings::{Client, Settings, User};
