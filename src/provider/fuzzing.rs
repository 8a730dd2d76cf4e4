//! How do made-up tokens reach the rules for ID tokens? No sign-in goes this way.

use std::time::Duration;

use super::algorithm::Algorithm;
use super::id_token::{self, Expectations};
use super::jws;
use super::keys::KeySet;
use crate::flow::ports::UnixTime;

/// The rules for ID tokens with the keys of one JWK Set, for a sign-in that is always the same.
pub struct Rules(KeySet);

impl Rules {
    /// Whose tokens are good.
    pub const ISSUER: &str = "https://idp.test";
    /// Our client id, and the audience.
    pub const CLIENT_ID: &str = "foregate";
    /// Who may be in `aud` beside us.
    pub const TRUSTED_AUDIENCE: &str = "api";
    /// `nonce` of the sign-in.
    pub const NONCE: &str = "n-0S6_WzA2Mj";
    /// The token that came with it.
    pub const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    /// How far clocks may differ.
    pub const LEEWAY: Duration = Duration::from_mins(1);

    /// Reads a JWK Set (RFC 7517 §5), or gives `None` where it holds no key that can be used.
    pub fn new(keys: &[u8]) -> Option<Self> {
        KeySet::read(keys).ok().map(Self)
    }

    /// The `sub` of a token that is good at `now`, or why it is not.
    pub fn subject(&self, token: &str, now: UnixTime) -> Result<String, String> {
        let expected = Expectations {
            issuer: Self::ISSUER,
            client_id: Self::CLIENT_ID,
            audience: Self::CLIENT_ID,
            trusted_audiences: &[Self::TRUSTED_AUDIENCE.to_owned()],
            algorithms: &Algorithm::ALL,
            leeway: Self::LEEWAY,
            nonce: Some(Self::NONCE),
            access_token: Self::ACCESS_TOKEN,
        };
        let signed =
            jws::verify(token, &self.0, &id_token::kind(&expected)).map_err(|error| error.to_string())?;
        let verified = id_token::verify(&signed, &expected, now);
        verified.map(|verified| verified.subject).map_err(|error| error.to_string())
    }
}
