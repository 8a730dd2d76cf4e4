//! OpenID Provider for demos and tests: real flows, strict refresh-token reuse detection, loopback only
//!
//! [`start`] binds the address, generates a key and serves until the returned [`DevProvider`] is stopped or dropped.
//!
//! [`DevProvider::arm`] arms a [`Fault`], an error that the provider makes on demand. The README lists all faults
//! by name.
//!
//! A strict provider makes the tests of a gateway strict. These rules hold:
//! 1. The provider listens on loopback addresses only. Every page says that it is not for production.
//! 2. Every client must use PKCE with S256 (RFC 7636, RFC 9700 §2.1.1).
//! 3. The provider never redirects to an unregistered redirect URI (RFC 6749 §4.1.2.1).
//! 4. A code or a refresh token that is presented twice revokes all tokens that it yielded (RFC 6749 §4.1.2, RFC 9700
//!    §4.14.2).
//! 5. All stored state has a size limit, and none survives the process.

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
mod preset;
mod provider;
mod random;
mod redirect;
mod refresh_plan;
mod refresh_token;
mod settings;
mod shape;
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
pub use preset::{Preset, UnknownPreset};
pub use provider::{DevProvider, StartError, start};
pub use refresh_plan::{RefreshPlan, RefreshSeen};
pub use settings::{Client, Settings, User};
pub use shape::{RefreshTokenRule, Rotation, Shape, UnknownScopes, UserClaims};
