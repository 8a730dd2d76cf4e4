//! Claims of tokens and of userinfo
//!
//! This module neither signs nor sends.

use std::time::Duration;

use aws_lc_rs::digest::digest;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::algorithm::SigningAlgorithm;
use crate::settings::User;
use crate::shape::{Shape, UserClaims};
use crate::store::Grant;

/// The values that all tokens of one response share.
pub(crate) struct Context<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) user: &'a User,
    pub(crate) grant_id: &'a str,
    pub(crate) grant: &'a Grant,
    /// The algorithm that signs the ID token.
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) shape: &'a Shape,
    pub(crate) now: Duration,
}

impl Context<'_> {
    /// Returns the claims of the access token (RFC 9068). They name the grant, so that its revocation affects the
    /// token.
    pub(crate) fn access_token(&self, jti: &str, life: Duration) -> Map<String, Value> {
        let mut claims = self.common(jti, life);
        put(&mut claims, "client_id", json!(self.grant.client_id));
        put(&mut claims, "scope", json!(self.grant.scope));
        put(&mut claims, "grant_id", json!(self.grant_id));
        claims
    }

    /// Returns the claims of the ID token (Core §2), without `nonce`: only a response to a code has it (Core §12.2).
    pub(crate) fn id_token(&self, jti: &str, life: Duration, access_token: &str) -> Map<String, Value> {
        let mut claims = match self.shape.user_claims {
            UserClaims::Everywhere => profile(self.user, &self.grant.scope, self.shape),
            UserClaims::Userinfo => Map::new(),
        };
        claims.extend(self.common(jti, life));
        put(&mut claims, "azp", json!(self.grant.client_id));
        put(&mut claims, "auth_time", json!(self.grant.auth_time));
        put(&mut claims, "at_hash", json!(at_hash(self.algorithm, access_token)));
        omit(&mut claims, self.shape);
        claims
    }

    fn common(&self, jti: &str, life: Duration) -> Map<String, Value> {
        let mut claims = Map::new();
        put(&mut claims, "iss", json!(self.issuer));
        put(&mut claims, "sub", json!(self.user.subject));
        put(&mut claims, "aud", json!(self.grant.client_id));
        put(&mut claims, "exp", json!((self.now + life).as_secs()));
        put(&mut claims, "iat", json!(self.now.as_secs()));
        put(&mut claims, "jti", json!(jti));
        put(&mut claims, "sid", json!(self.grant.sid));
        claims
    }
}

/// Returns the claims of userinfo.
pub(crate) fn userinfo(user: &User, granted: &str, shape: &Shape) -> Map<String, Value> {
    let mut claims = profile(user, granted, shape);
    put(&mut claims, "sub", json!(user.subject));
    omit(&mut claims, shape);
    claims
}

fn profile(user: &User, granted: &str, shape: &Shape) -> Map<String, Value> {
    let mut claims = Map::new();
    if shape.discloses(granted, "profile") {
        put(&mut claims, "preferred_username", json!(user.username));
        put(&mut claims, "name", json!(user.name));
    }
    if shape.discloses(granted, "email") {
        put(&mut claims, "email", json!(user.email));
        put(&mut claims, "email_verified", json!(user.email_verified));
    }
    if !user.groups.is_empty() && shape.discloses(granted, "groups") {
        put(&mut claims, "groups", json!(user.groups));
    }
    claims.extend(user.extra.clone());
    claims
}

/// The claims of the protocol in an ID token.
const PROTOCOL_CLAIMS: [&str; 11] =
    ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "jti", "sid", "nonce", "at_hash"];

/// Returns the claims that the ID token of some user has without the scope `groups`, as in `claims_supported`.
pub(crate) fn announced(users: &[User], shape: &Shape) -> Vec<String> {
    let mut names: Vec<String> = PROTOCOL_CLAIMS.map(str::to_owned).into();
    if shape.user_claims == UserClaims::Everywhere {
        let of_users = users.iter().flat_map(|user| profile(user, "openid profile email", shape));
        for (name, _) in of_users {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.retain(|name| !shape.omitted_claims.contains(name));
    names
}

fn omit(claims: &mut Map<String, Value>, shape: &Shape) {
    for name in &shape.omitted_claims {
        claims.remove(name);
    }
}

fn put(claims: &mut Map<String, Value>, name: &str, value: Value) {
    claims.insert(name.to_owned(), value);
}

/// Returns `at_hash`, the left half of the hash (Core §3.1.3.6).
fn at_hash(algorithm: SigningAlgorithm, access_token: &str) -> String {
    let hash = digest(algorithm.digest(), access_token.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode_to_string(left)
}
