//! Records of sessions, and their sealed contents

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use foregate::access::credential::SessionCredential;
use foregate::access::identity::{Identity, IdentityRef};
use foregate::access::policy::PolicyVerdicts;
use foregate::access::token::TokenText;
use foregate::flow::ports::{
    Entropy, Lease, LogoutToken, NewSession, Refreshable, Refreshed, Release, Session, UnixTime, Whom,
};
use foregate::secret::Secret;
use foregate::server::SystemEntropy;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Settings;

/// The state of the lease of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RecordLease {
    Available,
    Held { until: u64 },
    RetryAt(u64),
    TokenSpent,
}

impl RecordLease {
    pub(super) fn allows_lease(self, now: UnixTime) -> bool {
        match self {
            Self::Available => true,
            Self::Held { until: then } | Self::RetryAt(then) => then <= now.0,
            Self::TokenSpent => false,
        }
    }
}

/// The values of a session that decide whether a logout token ends it. Names are HMACs.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) subject: [u8; 16],
    pub(super) sid: Option<[u8; 16]>,
    pub(super) signed_in_at: u64,
    pub(super) issued_at: u64,
}

/// A record: values that the store itself must read, and sealed contents that only a ticket opens.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) generation: u64,
    /// Number of leases that were granted.
    pub(super) fence: u64,
    pub(super) lease: RecordLease,
    pub(super) ended: bool,
    pub(super) active_at: u64,
    pub(super) owner: Owner,
    pub(super) sealed: Vec<u8>,
}

impl Record {
    pub(super) fn read(bytes: &[u8]) -> Self {
        postcard::from_bytes(bytes).unwrap()
    }

    pub(super) fn write(&self) -> Arc<[u8]> {
        postcard::to_stdvec(self).unwrap().into()
    }

    pub(super) fn is_leased_to(&self, lease: &Lease) -> bool {
        let is_held = matches!(self.lease, RecordLease::Held { .. }) && self.fence == lease.fence;
        is_held && self.generation == lease.session.generation && !self.ended
    }

    pub(super) fn release(&mut self, how: Release) {
        match how {
            Release::RetryAt(then) => self.lease = RecordLease::RetryAt(then.0),
            Release::TokenSpent => self.lease = RecordLease::TokenSpent,
            Release::SessionEnded => self.ended = true,
        }
    }
}

/// A logout mark: the names and times of a logout token.
pub(super) struct Mark {
    pub(super) token_id: String,
    subject: Option<[u8; 16]>,
    sid: Option<[u8; 16]>,
    arrived_at: u64,
    issued_at: u64,
}

impl Mark {
    pub(super) fn new(token: &LogoutToken, now: UnixTime, name: impl Fn(&str, &str) -> [u8; 16]) -> Self {
        let (subject, sid) = match &token.whom {
            Whom::Session { sid, subject } => (subject.as_ref(), Some(sid)),
            Whom::Subject(subject) => (Some(subject), None),
        };
        Self {
            token_id: token.token_id.clone(),
            subject: subject.map(|subject| name("sub", subject)),
            sid: sid.map(|sid| name("sid", sid)),
            arrived_at: now.0,
            issued_at: token.issued_at.0,
        }
    }

    pub(super) fn covers(&self, session: &Owner) -> bool {
        let had_begun = session.signed_in_at <= self.arrived_at || session.issued_at <= self.issued_at;
        let allows_other_sids = self.sid.is_none() || session.sid.is_none();
        let is_named = self.sid.is_some() && session.sid == self.sid;
        is_named || (self.subject == Some(session.subject) && allows_other_sids && had_begun)
    }
}

/// The key of the sealed part of a record. It is derived from the ticket, so that the store alone cannot open a record.
#[derive(Clone, Copy)]
pub(super) struct SealingKey(pub(super) [u8; 32]);

/// A ticket, as the store uses it.
pub(super) struct Ticket {
    pub(super) record: [u8; 16],
    pub(super) key: SealingKey,
}

impl SealingKey {
    fn cipher(self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).unwrap())
    }

    pub(super) fn open(self, record: [u8; 16], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = self.cipher().open_in_place(nonce, Aad::from(record), &mut body).ok()?.len();
        body.truncate(len);
        Some(body)
    }

    /// Returns the key, and the bytes that [`Contents::write_with`] wrote after it.
    pub(super) fn split(contents: &[u8]) -> (Self, &[u8]) {
        let (key, bytes) = contents.split_first_chunk().unwrap();
        (Self(*key), bytes)
    }
}

/// A record, with the ticket that opens it.
pub(super) struct Stored<'s> {
    pub(super) ticket: &'s Ticket,
    pub(super) record: &'s Record,
}

impl Stored<'_> {
    pub(super) fn open_in<'w>(&self, large: &'w mut Vec<u8>) -> Option<Contents<'w>> {
        *large = self.ticket.key.open(self.ticket.record, &self.record.sealed)?;
        Contents::read(large)
    }
}

/// The sealed contents of a record.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Contents<'c> {
    pub(super) subject: &'c str,
    user: &'c str,
    email: &'c str,
    groups: &'c str,
    pub(super) id_token: &'c str,
    #[serde(borrow)]
    pub(super) refresh_token: Option<&'c str>,
    policies: [u64; 2],
    auth_time: Option<u64>,
    #[serde(borrow)]
    acr: Option<&'c str>,
    signed_in_at: u64,
    id_token_ends_at: u64,
    pub(super) tokens_end_at: u64,
    pub(super) refresh_at: u64,
    pub(super) ends_at: u64,
}

/// Returns the time at which a refresh is due: after 60 to 75 % of the lifetime of the tokens.
fn refresh_at(record: [u8; 16], generation: u64, [now, ends_at]: [u64; 2]) -> u64 {
    let spread = (u64::from(record[0]) + generation) % 16;
    now + ends_at.saturating_sub(now) * (60 + spread) / 100
}

impl<'c> Contents<'c> {
    pub(super) fn begin(
        session: &NewSession<'c>,
        record: [u8; 16],
        now: UnixTime,
        lifetime: Duration,
    ) -> Self {
        let (user, tokens) = (session.identity.as_ref(), session.tokens);
        let own_end = match &tokens.refresh_token {
            Some(_) => tokens.refresh_expires_at,
            None => Some(tokens.expires_at),
        };
        let latest = now.plus(lifetime);
        let refreshable_until =
            tokens.refresh_expires_at.map_or(tokens.expires_at, |end| end.min(tokens.expires_at));
        Self {
            subject: user.subject,
            user: user.user,
            email: user.email,
            groups: user.groups,
            id_token: tokens.id_token.expose(),
            refresh_token: tokens.refresh_token.as_ref().map(Secret::expose),
            policies: [session.policies.generation, session.policies.met],
            auth_time: tokens.authentication.auth_time.map(|time| time.0),
            acr: tokens.authentication.acr.as_deref(),
            signed_in_at: now.0,
            id_token_ends_at: tokens.id_token_expires_at.0,
            tokens_end_at: tokens.expires_at.0,
            refresh_at: refresh_at(record, 1, [now.0, refreshable_until.0]),
            ends_at: own_end.map_or(latest, |end| end.min(latest)).0,
        }
    }

    pub(super) fn refresh<'n>(
        &'n self,
        new: &'n Refreshed,
        user: Option<(&'n Identity, PolicyVerdicts)>,
        (ticket, generation): (&Ticket, u64),
        (now, settings): (UnixTime, &Settings),
    ) -> Contents<'n> {
        let id_token_ends_at =
            new.id_token.as_ref().map_or(self.id_token_ends_at, |token| token.expires_at.0);
        let tokens_end_at = match (new.access_expires_at, &new.id_token) {
            (Some(access), None) if !settings.require_fresh_id_token => access.0,
            (Some(access), _) => access.0.min(id_token_ends_at),
            (None, Some(_)) => id_token_ends_at,
            (None, None) => self.tokens_end_at,
        };
        let latest = UnixTime(self.signed_in_at).plus(settings.lifetime).0;
        let own_end = new.refresh_expires_at.map(|end| end.0);
        let mut contents = Contents {
            id_token: new.id_token.as_ref().map_or(self.id_token, |token| token.text.expose()),
            refresh_token: new
                .refresh_token
                .as_ref()
                .map_or(self.refresh_token, |token| Some(token.expose())),
            id_token_ends_at,
            tokens_end_at,
            refresh_at: refresh_at(
                ticket.record,
                generation,
                [now.0, own_end.map_or(tokens_end_at, |end| end.min(tokens_end_at))],
            ),
            ends_at: own_end.map_or(latest, |end| end.min(latest)),
            ..*self
        };
        if let Some(token) = &new.id_token {
            let authentication = &token.authentication;
            contents.auth_time = authentication.auth_time.map(|time| time.0).or(self.auth_time);
            contents.acr = authentication.acr.as_deref().or(self.acr);
        }
        if let Some((identity, policies)) = user {
            let user = identity.as_ref();
            (contents.user, contents.email, contents.groups) = (user.user, user.email, user.groups);
            contents.policies = [policies.generation, policies.met];
        }
        contents
    }

    pub(super) fn read(bytes: &'c [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    pub(super) fn seal(&self, ticket: &Ticket) -> Vec<u8> {
        let mut body = postcard::to_stdvec(self).unwrap();
        let mut nonce = [0; NONCE_LEN];
        SystemEntropy.fill(&mut nonce).unwrap();
        let unique = Nonce::assume_unique_for_key(nonce);
        ticket.key.cipher().seal_in_place_append_tag(unique, Aad::from(ticket.record), &mut body).unwrap();
        [&nonce[..], &body].concat()
    }

    /// Returns the bytes for a lease. Its holder has no ticket, and a commit seals under the same key.
    pub(super) fn write_with(&self, key: &SealingKey) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&key.0[..], &postcard::to_stdvec(self).unwrap()].concat())
    }

    pub(super) fn session(&self, now: UnixTime, due: Option<Box<Refreshable>>) -> Session<'c> {
        let Self { subject, user, email, groups, policies: [generation, met], .. } = *self;
        let id_token = if self.id_token_ends_at > now.0 { self.id_token } else { "" };
        Session {
            credential: SessionCredential {
                user: IdentityRef { subject, user, email, groups },
                id_token: TokenText::Whole(id_token),
                policies: Some(PolicyVerdicts { generation, met }),
            },
            signed_in_at: UnixTime(self.signed_in_at),
            auth_time: self.auth_time.map(UnixTime),
            acr: self.acr,
            ends_at: UnixTime(self.ends_at),
            due,
        }
    }
}
