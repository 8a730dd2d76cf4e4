//! Token response for a grant

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use serde_json::{Map, Value, json};

use crate::claims::Context;
use crate::fault::facts::Facts;
use crate::fault::{Fault, TokenFault};
use crate::forge;
use crate::jwt::{self, Kind};
use crate::key::SigningKey;
use crate::random::opaque;
use crate::refresh_token::RefreshTokenContent;
use crate::settings::User;
use crate::shared::Shared;
use crate::store::Grant;

/// A grant for which tokens are issued.
pub(crate) struct Issue<'a> {
    pub(crate) grant_id: &'a str,
    pub(crate) grant: &'a Grant,
    pub(crate) user: &'a User,
    /// Present in the exchange of a code only (Core §12.2).
    pub(crate) nonce: Option<&'a str>,
    pub(crate) now: Duration,
    pub(crate) requested: &'a RequestedFaults,
}

/// The faults that affect the response.
#[derive(Default)]
pub(crate) struct RequestedFaults {
    pub(crate) faults: Vec<Fault>,
    /// Present if a fault needs an unpublished key.
    pub(crate) unpublished_key: Option<Arc<SigningKey>>,
}

impl RequestedFaults {
    pub(crate) fn has(&self, fault: TokenFault) -> bool {
        self.faults.contains(&Fault::Token(fault))
    }
}

impl Issue<'_> {
    /// Returns the token response (RFC 6749 §5.1, Core §3.1.3.3).
    pub(crate) fn response(&self, shared: &Shared) -> Result<Value, Unspecified> {
        let key = shared.signing_key()?;
        let access_token = self.access_token(shared, &key)?;
        let content =
            RefreshTokenContent { grant: self.grant_id.to_owned(), generation: self.grant.generation };
        let mut body = json!({
            "id_token": self.id_token(shared, &key, &access_token)?,
            "access_token": access_token,
            "refresh_token": shared.refresh_tokens.mint(&content),
            "token_type": "Bearer",
            "expires_in": shared.settings.access_token_life.as_secs(),
            "refresh_expires_in": shared.settings.refresh_token_life.as_secs(),
            "scope": self.grant.scope,
        });
        for fault in &self.requested.faults {
            if let (Fault::Token(fault), Some(members)) = (fault, body.as_object_mut()) {
                fault.apply(members);
            }
        }
        Ok(body)
    }

    fn access_token(&self, shared: &Shared, key: &SigningKey) -> Result<String, Unspecified> {
        let claims = self.context(shared, key).access_token(&opaque()?, shared.settings.access_token_life);
        jwt::sign(key, Kind::Access, claims)
    }

    fn id_token(&self, shared: &Shared, key: &SigningKey, access_token: &str) -> Result<String, Unspecified> {
        let life = shared.settings.id_token_life;
        let mut claims = self.context(shared, key).id_token(&opaque()?, life, access_token);
        // `extra` must not add a nonce to a response to a refresh.
        claims.remove("nonce");
        if let Some(nonce) = self.nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        self.sign(shared, key, claims)
    }

    fn sign(
        &self,
        shared: &Shared,
        key: &SigningKey,
        claims: Map<String, Value>,
    ) -> Result<String, Unspecified> {
        let published = shared.keys().published();
        let other = published.iter().find(|other| other.algorithm() != key.algorithm());
        let client = shared.client(&self.grant.client_id);
        let facts = Facts {
            typ: "JWT",
            issuer: &shared.issuer,
            client_id: &self.grant.client_id,
            client_secret: client.and_then(|client| client.secret.as_deref()).unwrap_or_default(),
            elsewhere: &shared.elsewhere,
            now: self.now.as_secs(),
            key,
            other_kid: other.map(|other| other.kid()),
            unpublished_key: self.requested.unpublished_key.as_deref(),
        };
        forge::sign_with_faults(&self.requested.faults, &facts, claims)
    }

    fn context<'a>(&'a self, shared: &'a Shared, key: &SigningKey) -> Context<'a> {
        Context {
            issuer: &shared.issuer,
            user: self.user,
            grant_id: self.grant_id,
            grant: self.grant,
            algorithm: key.algorithm(),
            now: self.now,
        }
    }
}
