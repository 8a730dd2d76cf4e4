//! State between requests: sign-ins, codes, sessions and grants

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bounded::Bounded;
use crate::fault::Fault;
use crate::refresh_token::RefreshTokenContent;
use crate::shape::Rotation;

/// Tests and demos need fewer entries of each kind, and this many fit in memory.
const MAX_ENTRIES: usize = 1024;

/// The stored state. One lock protects it, for the duration of one change.
pub(crate) struct Store {
    /// Requests that wait for the sign-in form, by the id in the form.
    pub(crate) pending: Bounded<Pending>,
    /// Codes, by their value. A redeemed code stays here, so that its replay is detected.
    pub(crate) codes: Bounded<Code>,
    /// Single sign-on sessions, by the value of their cookie.
    pub(crate) sessions: Bounded<Session>,
    /// Client assertions, by client and `jti`. The oldest is dropped first; it has expired long before.
    pub(crate) assertions: Bounded<()>,
    /// Grants, by id: a refresh-token family and its access tokens.
    pub(crate) grants: Bounded<Grant>,
}

/// A valid authorization request.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: String,
    /// Whether the parameter `access_type` is `offline`.
    pub(crate) access_type_offline: bool,
    /// The faults that affect the tokens of this login, once.
    pub(crate) faults: Vec<Fault>,
}

#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) request: AuthorizationRequest,
    pub(crate) expires: Duration,
}

#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) username: String,
    /// The time of the sign-in with the password, in seconds since the Unix epoch.
    pub(crate) auth_time: u64,
    pub(crate) expires: Duration,
}

#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) request: AuthorizationRequest,
    pub(crate) session: Session,
    pub(crate) expires: Duration,
    /// The grant that the code was exchanged for.
    pub(crate) redeemed: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) sid: String,
    pub(crate) auth_time: u64,
    pub(crate) scope: String,
    pub(crate) access_type_offline: bool,
    /// The generation of the newest refresh token of the family.
    pub(crate) generation: u64,
    /// The expiry of the newest refresh token, since the Unix epoch.
    pub(crate) refresh_expires: Duration,
    pub(crate) revoked: bool,
}

/// The effect of a refresh on the family of its refresh token.
#[derive(Clone, Copy)]
pub(crate) struct Renewal {
    pub(crate) rotation: Rotation,
    /// Whether the response has no refresh token, so that the presented one stays the newest.
    pub(crate) keep_token: bool,
    /// The expiry of a new refresh token, since the Unix epoch.
    pub(crate) expires: Duration,
}

/// The reason for which a refresh token was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefused {
    /// The token belongs to another client, has expired, was revoked, or its grant is no longer stored.
    Invalid,
    /// The token was used before. The whole family is now revoked.
    Reused,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            pending: Bounded::new(MAX_ENTRIES),
            codes: Bounded::new(MAX_ENTRIES),
            sessions: Bounded::new(MAX_ENTRIES),
            assertions: Bounded::new(MAX_ENTRIES),
            grants: Bounded::new(MAX_ENTRIES),
        }
    }

    pub(crate) fn live_session(&self, cookie: &str, now: Duration) -> Option<&Session> {
        self.sessions.get(cookie).filter(|session| now < session.expires)
    }

    /// Renews a family. With strict rotation, it advances by one generation. An older generation revokes the family
    /// (RFC 9700 §4.14.2). A token that is kept stays valid until its expiry.
    pub(crate) fn renew(
        &mut self,
        presented: &RefreshTokenContent,
        client_id: &str,
        now: Duration,
        renewal: Renewal,
    ) -> Result<Grant, RefreshRefused> {
        let grant = self.grants.get_mut(&presented.grant).filter(|grant| grant.client_id == client_id);
        let grant = grant.ok_or(RefreshRefused::Invalid)?;
        if renewal.rotation == Rotation::Strict && presented.generation != grant.generation {
            grant.revoked = true;
            return Err(RefreshRefused::Reused);
        }
        if grant.revoked || now >= grant.refresh_expires {
            return Err(RefreshRefused::Invalid);
        }
        if !renewal.keep_token && renewal.rotation != Rotation::Absent {
            grant.generation += 1;
            grant.refresh_expires = renewal.expires;
        }
        Ok(grant.clone())
    }

    /// Removes and returns the faults that the login of this code requested.
    pub(crate) fn take_faults(&mut self, code: &str) -> Vec<Fault> {
        self.codes.get_mut(code).map(|code| std::mem::take(&mut code.request.faults)).unwrap_or_default()
    }

    /// Records the `jti` of an assertion. Returns whether this client uses it for the first time.
    pub(crate) fn record_assertion(&mut self, client_id: &str, jti: &str) -> bool {
        // A client id could contain the separator, so the key begins with its length.
        let key = format!("{} {client_id} {jti}", client_id.len());
        let first = self.assertions.get(&key).is_none();
        self.assertions.insert(key, ());
        first
    }

    pub(crate) fn revoke(&mut self, grant: &str) {
        if let Some(grant) = self.grants.get_mut(grant) {
            grant.revoked = true;
        }
    }

    /// Revokes a grant, if it belongs to this client. Returns whether it does.
    pub(crate) fn revoke_for_client(&mut self, grant: &str, client_id: &str) -> bool {
        let own = self.grants.get_mut(grant).filter(|grant| grant.client_id == client_id);
        own.map(|grant| grant.revoked = true).is_some()
    }

    /// Returns the `sid` of each session of a user: stored single sign-on sessions, and sessions of unrevoked grants.
    pub(crate) fn sids_of(&self, username: &str) -> BTreeSet<String> {
        let sessions = self.sessions.values().filter(|session| session.username == username);
        let grants = self.grants.values().filter(|grant| grant.username == username && !grant.revoked);
        sessions.map(|session| session.sid.clone()).chain(grants.map(|grant| grant.sid.clone())).collect()
    }

    /// Returns the clients that have a grant in a session.
    pub(crate) fn clients_of(&self, sid: &str) -> BTreeSet<String> {
        let grants = self.grants.values().filter(|grant| grant.sid == sid);
        grants.map(|grant| grant.client_id.clone()).collect()
    }

    /// Ends the single sign-on session and revokes all grants in it.
    pub(crate) fn end_session(&mut self, sid: &str) {
        self.sessions.retain(|session| session.sid != sid);
        for grant in self.grants.values_mut().filter(|grant| grant.sid == sid) {
            grant.revoked = true;
        }
        // Without this, a code that is not yet redeemed would outlive the logout.
        self.codes.retain(|code| code.session.sid != sid);
    }
}
