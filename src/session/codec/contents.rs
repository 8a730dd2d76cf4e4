//! Contents of a session, at its sign-in and after each refresh
//!
//! 1. A session ends one `lifetime` after the sign-in, or when its refresh token expires. Without a refresh token, it
//!    ends when its tokens expire.
//! 2. A refresh is due after 60 to 75 % of the tokens' life. The share depends on the session, so that sessions that
//!    began together are not refreshed together.
//! 3. A value that a refresh does not return stays unchanged.
//! 4. If the ID token is dropped, an empty one is stored. Its expiry and the other values that it contained stay.

use std::time::Duration;

use super::jwt::{Packed, Parts};
use super::layout::Contents;
use crate::access::identity::Identity;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{NewSession, Refreshed, SessionId, UnixTime};
use crate::secret::Secret;

/// Time limits of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Maximum time from the sign-in to the end.
    pub session: Duration,
    /// Maximum time without activity of the user.
    pub idle: Option<Duration>,
    /// Whether a session ends when its ID token expires, if the provider returns no new one.
    pub require_fresh_id_token: bool,
}

/// The process, time and limits that contents are encoded with.
#[derive(Clone, Copy)]
pub(in crate::session) struct Sealing {
    /// The random number of this process.
    pub(in crate::session) process: u64,
    pub(in crate::session) now: UnixTime,
    pub(in crate::session) lifetimes: Lifetimes,
    /// Whether sessions contain their ID token.
    pub(in crate::session) keeps_id_token: bool,
}

/// The contents of a session with new tokens.
pub(in crate::session) struct RefreshedContents {
    /// The encoded contents.
    pub(in crate::session) contents: Vec<u8>,
    pub(in crate::session) ends_at: UnixTime,
    /// Whether its tokens expire later than the previous ones.
    pub(in crate::session) has_new_end: bool,
}

/// When new tokens expire.
struct TokenExpiry {
    tokens: UnixTime,
    /// `None` if there is no refresh token, or the provider reported no time for it.
    refresh_token: Option<UnixTime>,
    is_refreshable: bool,
}

impl Sealing {
    /// Returns the encoded contents of a new session, and when it ends; `None` if a text is longer than 4 GiB.
    pub(in crate::session) fn encode_new(
        &self,
        session: &NewSession<'_>,
        id: SessionId,
    ) -> Option<(Vec<u8>, UnixTime)> {
        let (user, tokens, now) = (session.identity.as_ref(), session.tokens, self.now);
        let expiry = TokenExpiry {
            tokens: tokens.expires_at,
            refresh_token: tokens.refresh_expires_at,
            is_refreshable: tokens.refresh_token.is_some(),
        };
        let ends_at = self.session_end(now, &expiry);
        let (id_token, refresh_token) =
            (TokenWithParts::new(&tokens.id_token), tokens.refresh_token.as_ref().map(TokenWithParts::new));
        let contents = Contents {
            id: id.0,
            issuer: session.issuer.0,
            process: self.process,
            generation: 1,
            signed_in_at: now.0,
            issued_at: tokens.id_token_issued_at.0,
            sealed_at: now.0,
            active_at: now.0,
            refresh_at: self.refresh_at(id, 1, &expiry),
            tokens_end_at: expiry.tokens.0,
            id_token_ends_at: tokens.id_token_expires_at.0,
            ends_at: ends_at.0,
            auth_time: tokens.authentication.auth_time.map_or(0, |time| time.0),
            policy_generation: session.policies.generation,
            policies_met: session.policies.met,
            subject: user.subject,
            user: user.user,
            email: user.email,
            groups: user.groups,
            sid: session.sid,
            acr: tokens.authentication.acr.as_deref().unwrap_or_default(),
            id_token: if self.keeps_id_token { id_token.packed() } else { Packed::NONE },
            refresh_token: refresh_token.as_ref().map(TokenWithParts::packed),
        };
        Some((contents.write()?, ends_at))
    }

    /// Returns the contents of a session with the tokens of a refresh; `None` if a text is longer than 4 GiB.
    pub(in crate::session) fn encode_refreshed(
        &self,
        old: &Contents<'_>,
        refreshed: &Refreshed,
        user: Option<(&Identity, PolicyVerdicts)>,
        active_at: UnixTime,
    ) -> Option<RefreshedContents> {
        let (id, generation) = (SessionId(old.id), old.generation.saturating_add(1));
        let id_token_ends_at =
            refreshed.id_token.as_ref().map_or(UnixTime(old.id_token_ends_at), |new| new.expires_at);
        let expiry = TokenExpiry {
            tokens: self.tokens_end(old, refreshed, id_token_ends_at),
            refresh_token: refreshed.refresh_expires_at,
            is_refreshable: true,
        };
        let ends_at = self.session_end(UnixTime(old.signed_in_at), &expiry);
        let id_token = refreshed.id_token.as_ref().map(|new| TokenWithParts::new(&new.text));
        let refresh_token = refreshed.refresh_token.as_ref().map(TokenWithParts::new);
        let mut contents = Contents {
            process: self.process,
            generation,
            sealed_at: self.now.0,
            active_at: active_at.0,
            refresh_at: self.refresh_at(id, generation, &expiry),
            tokens_end_at: expiry.tokens.0,
            id_token_ends_at: id_token_ends_at.0,
            ends_at: ends_at.0,
            id_token: match &id_token {
                _ if !self.keeps_id_token => Packed::NONE,
                Some(new) => new.packed(),
                None => old.id_token,
            },
            refresh_token: refresh_token.as_ref().map_or(old.refresh_token, |new| Some(new.packed())),
            ..*old
        };
        let authentication = refreshed.id_token.as_ref().map(|new| &new.authentication);
        if let Some(time) = authentication.and_then(|new| new.auth_time) {
            contents.auth_time = time.0;
        }
        if let Some(acr) = authentication.and_then(|new| new.acr.as_deref()) {
            contents.acr = acr;
        }
        if let Some((identity, policies)) = user {
            let user = identity.as_ref();
            let before = PolicyVerdicts { generation: old.policy_generation, met: old.policies_met };
            let policies = policies.after(before);
            (contents.policy_generation, contents.policies_met) = (policies.generation, policies.met);
            (contents.user, contents.email, contents.groups) = (user.user, user.email, user.groups);
        }
        let has_new_end = expiry.tokens > UnixTime(old.tokens_end_at);
        Some(RefreshedContents { contents: contents.write()?, ends_at, has_new_end })
    }

    /// Without a new expiry time, the previous one stays.
    fn tokens_end(&self, old: &Contents<'_>, refreshed: &Refreshed, id_token_ends_at: UnixTime) -> UnixTime {
        match (refreshed.access_expires_at, &refreshed.id_token) {
            (Some(access), None) if !self.lifetimes.require_fresh_id_token => access,
            (Some(access), _) => access.min(id_token_ends_at),
            (None, Some(_)) => id_token_ends_at,
            (None, None) => UnixTime(old.tokens_end_at),
        }
    }

    fn session_end(&self, signed_in_at: UnixTime, expiry: &TokenExpiry) -> UnixTime {
        let latest = signed_in_at.plus(self.lifetimes.session);
        let last_token = if expiry.is_refreshable { expiry.refresh_token } else { Some(expiry.tokens) };
        last_token.map_or(latest, |last_token| last_token.min(latest))
    }

    fn refresh_at(&self, id: SessionId, generation: u64, expiry: &TokenExpiry) -> u64 {
        let end = expiry.refresh_token.map_or(expiry.tokens, |own| own.min(expiry.tokens));
        let life = end.seconds_since(self.now);
        let spread = id.0.iter().fold(generation, |sum, byte| sum.wrapping_add(u64::from(*byte))) % 16;
        self.now.0 + life.saturating_mul(60 + spread) / 100
    }
}

/// A token, and its parts if it can be restored from them.
struct TokenWithParts<'t>(&'t str, Option<Parts>);

impl<'t> TokenWithParts<'t> {
    fn new(token: &'t Secret) -> Self {
        Self(token.expose(), Parts::of(token.expose()))
    }

    fn packed(&self) -> Packed<'_> {
        self.1.as_ref().map_or(Packed::Text(self.0), Parts::packed)
    }
}
