//! Entry point for fuzzing the ID token rules, not used by any sign-in

use std::time::Duration;

use super::accepted::Accepted;
use super::algorithm::Algorithm;
use super::id_token::{self, Expectations};
use super::jws;
use super::keys::KeySet;
use crate::flow::ports::UnixTime;

/// The rules for ID tokens with the keys of one JWK Set and the values of one fixed sign-in.
pub struct Rules(KeySet);

impl Rules {
    /// The expected issuer.
    pub const ISSUER: &str = "https://idp.test";
    /// The client ID and the audience.
    pub const CLIENT_ID: &str = "foregate";
    /// A trusted audience.
    pub const TRUSTED_AUDIENCE: &str = "api";
    /// The `nonce` of the sign-in.
    pub const NONCE: &str = "n-0S6_WzA2Mj";
    /// The access token that was issued with the ID token.
    pub const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    /// The tolerated clock difference.
    pub const LEEWAY: Duration = Duration::from_mins(1);

    /// Reads a JWK Set (RFC 7517 §5). Returns `None` if it contains no usable key.
    pub fn new(keys: &[u8]) -> Option<Self> {
        KeySet::read(keys).ok().map(Self)
    }

    /// Returns the `sub` of a token that is valid at `now`, or the reason why it is not.
    pub fn subject(&self, token: &str, now: UnixTime) -> Result<String, String> {
        let expected = Expectations {
            issuer: Self::ISSUER,
            client_id: Self::CLIENT_ID,
            audience: Self::CLIENT_ID,
            trusted_audiences: &[Self::TRUSTED_AUDIENCE.to_owned()],
            leeway: Self::LEEWAY,
            nonce: Some(Self::NONCE),
            access_token: Self::ACCESS_TOKEN,
        };
        let accepted = Accepted::new(Some(&Algorithm::ALL), None);
        let signed = jws::verify(token, &self.0, &accepted, id_token::TYPES);
        let signed = signed.map_err(|error| error.to_string())?;
        let verified = id_token::verify(&signed, &expected, now);
        verified.map(|verified| verified.subject).map_err(|error| error.to_string())
    }
}
