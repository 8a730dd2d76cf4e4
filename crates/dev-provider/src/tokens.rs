//! Token response for a grant

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use serde_json::{Map, Value, json};

use crate::claims::Context;
use crate::fault::facts::Facts;
use crate::fault::token::Refusal;
use crate::fault::{Fault, TokenFault};
use crate::forge;
use crate::jwt::{self, Kind};
use crate::key::SigningKey;
use crate::random::opaque;
use crate::refresh_token::RefreshTokenContent;
use crate::settings::User;
use crate::shape::Rotation;
use crate::shared::Shared;
use crate::store::Grant;

/// The exchange that a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Code,
    Refresh,
}

/// A grant for which tokens are issued.
pub(crate) struct Issue<'a> {
    pub(crate) grant_id: &'a str,
    pub(crate) grant: &'a Grant,
    pub(crate) user: &'a User,
    pub(crate) step: Step,
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
    /// Returns the error that replaces the response, if a fault has one.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.of_token_response().find_map(TokenFault::refusal)
    }

    /// Returns whether a refresh keeps the presented refresh token valid.
    pub(crate) fn keep_refresh_token(&self) -> bool {
        self.of_token_response().any(TokenFault::keeps_refresh_token)
    }

    fn of_token_response(&self) -> impl Iterator<Item = TokenFault> {
        self.faults.iter().filter_map(|fault| match fault {
            Fault::Token(fault) => Some(*fault),
            _ => None,
        })
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
        if let Some(members) = body.as_object_mut() {
            self.leave_out(shared, members);
            self.requested.of_token_response().for_each(|fault| fault.apply(members));
        }
        Ok(body)
    }

    /// Removes the members that the shape leaves out.
    fn leave_out(&self, shared: &Shared, members: &mut Map<String, Value>) {
        let is_refresh = self.step == Step::Refresh;
        let shape = &shared.settings.shape;
        // Without rotation, the presented refresh token stays the newest one.
        let same_token = is_refresh && shape.rotation == Rotation::Absent;
        if same_token || !shape.issues_refresh_token(&self.grant.scope, self.grant.access_type_offline) {
            members.remove("refresh_token");
            members.remove("refresh_expires_in");
        }
        if is_refresh && !shape.id_token_at_refresh {
            members.remove("id_token");
        }
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
            shape: &shared.settings.shape,
            now: self.now,
        }
    }
}
