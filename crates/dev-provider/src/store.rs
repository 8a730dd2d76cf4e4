//! What does the provider remember between requests, and when is it dead?

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bounded::Bounded;
use crate::fault::Fault;
use crate::refresh_token::Turn;

/// More than any test or demo opens, little enough to hold in memory.
const CAPACITY: usize = 1024;

/// All that is remembered, behind one lock held for no longer than one change.
pub(crate) struct Store {
    /// Sign-in pages that were shown, by the id in their form.
    pub(crate) pending: Bounded<Pending>,
    /// Codes, by themselves; a redeemed one stays so that its replay is seen.
    pub(crate) codes: Bounded<Code>,
    /// Single sign-on sessions, by their cookie.
    pub(crate) sessions: Bounded<Session>,
    /// Client assertions, by client and `jti`; the oldest is forgotten first and has expired long before.
    pub(crate) assertions: Bounded<()>,
    /// What clients were given, by id: a refresh-token family and the access tokens beside it.
    pub(crate) grants: Bounded<Grant>,
}

/// An authorization request that was found valid.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: String,
    /// What the tokens of this login are to suffer, once.
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
    /// When the password was typed, in seconds of the Unix epoch.
    pub(crate) auth_time: u64,
    pub(crate) expires: Duration,
}

#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) request: AuthorizationRequest,
    pub(crate) session: Session,
    pub(crate) expires: Duration,
    /// The grant it was exchanged for.
    pub(crate) redeemed: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) sid: String,
    pub(crate) auth_time: u64,
    pub(crate) scope: String,
    /// Which refresh token of the family is the newest.
    pub(crate) generation: u64,
    /// When the newest refresh token dies.
    pub(crate) refresh_expires: Duration,
    pub(crate) revoked: bool,
}

/// Why a refresh token was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefused {
    /// Not of this client, expired, revoked or forgotten.
    Dead,
    /// Used before; the whole family is dead from here on.
    Reused,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            pending: Bounded::new(CAPACITY),
            codes: Bounded::new(CAPACITY),
            sessions: Bounded::new(CAPACITY),
            assertions: Bounded::new(CAPACITY),
            grants: Bounded::new(CAPACITY),
        }
    }

    pub(crate) fn live_session(&self, cookie: &str, now: Duration) -> Option<&Session> {
        self.sessions.get(cookie).filter(|session| now < session.expires)
    }

    /// Moves a family one turn on, for another life; a turn taken before revokes it (RFC 9700 §4.14.2). Without a life the
    /// refresh token stays as good as it is.
    pub(crate) fn rotate(
        &mut self,
        turn: &Turn,
        client_id: &str,
        now: Duration,
        life: Option<Duration>,
    ) -> Result<Grant, RefreshRefused> {
        let grant = self.grants.get_mut(&turn.grant).filter(|grant| grant.client_id == client_id);
        let grant = grant.ok_or(RefreshRefused::Dead)?;
        if turn.generation != grant.generation {
            grant.revoked = true;
            return Err(RefreshRefused::Reused);
        }
        if grant.revoked || now >= grant.refresh_expires {
            return Err(RefreshRefused::Dead);
        }
        if let Some(life) = life {
            grant.generation += 1;
            grant.refresh_expires = now + life;
        }
        Ok(grant.clone())
    }

    /// The faults asked for with this code, which are met once.
    pub(crate) fn take_faults(&mut self, code: &str) -> Vec<Fault> {
        self.codes.get_mut(code).map(|code| std::mem::take(&mut code.request.faults)).unwrap_or_default()
    }

    /// Whether no assertion of this client had this `jti` before; from here on one had.
    pub(crate) fn first_assertion(&mut self, client_id: &str, jti: &str) -> bool {
        // A client id could hold the separator, so its length goes first.
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

    /// Revokes what a client was given; whether it was given that.
    pub(crate) fn revoke_of(&mut self, grant: &str, client_id: &str) -> bool {
        let own = self.grants.get_mut(grant).filter(|grant| grant.client_id == client_id);
        own.map(|grant| grant.revoked = true).is_some()
    }

    /// The single sign-on sessions of a user: those that live, and those that only what clients were given lives of.
    pub(crate) fn sids_of(&self, username: &str) -> BTreeSet<String> {
        let sessions = self.sessions.values().filter(|session| session.username == username);
        let grants = self.grants.values().filter(|grant| grant.username == username && !grant.revoked);
        sessions.map(|session| session.sid.clone()).chain(grants.map(|grant| grant.sid.clone())).collect()
    }

    /// The clients that were given something in a session.
    pub(crate) fn clients_of(&self, sid: &str) -> BTreeSet<String> {
        let grants = self.grants.values().filter(|grant| grant.sid == sid);
        grants.map(|grant| grant.client_id.clone()).collect()
    }

    /// Ends the single sign-on session and all that clients were given in it.
    pub(crate) fn end_session(&mut self, sid: &str) {
        self.sessions.retain(|session| session.sid != sid);
        for grant in self.grants.values_mut().filter(|grant| grant.sid == sid) {
            grant.revoked = true;
        }
        // A code not yet redeemed would outlive the logout.
        self.codes.retain(|code| code.session.sid != sid);
    }
}
