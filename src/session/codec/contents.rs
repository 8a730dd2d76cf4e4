//! What is written into a session, at its sign-in and at each renewal?
//!
//! 1. A session ends one `lifetime` after the sign-in, or with the provider's refresh token, or, without one, with its
//!    tokens.
//! 2. Its tokens are to be renewed at 60 to 75 % of their life: another moment for each session, so that those who signed
//!    in together do not come back together.
//! 3. What a renewal does not bring stays as it was.

use std::time::Duration;

use super::jwt::{Packed, Parts};
use super::layout::Contents;
use crate::access::identity::Identity;
use crate::access::policy::PolicyVerdicts;
use crate::flow::ports::{BeginError, NewSession, Refreshed, SessionId, UnixTime};
use crate::secret::Secret;

/// How long things last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From the sign-in to the end, at the latest.
    pub session: Duration,
    /// Without the person showing themselves.
    pub idle: Option<Duration>,
    /// Whether a session ends with its ID token where the provider gives no new one.
    pub require_fresh_id_token: bool,
}

/// Who seals, and when.
#[derive(Clone, Copy)]
pub(in crate::session) struct Sealing {
    /// Which process.
    pub(in crate::session) process: u64,
    /// When.
    pub(in crate::session) now: UnixTime,
    pub(in crate::session) lifetimes: Lifetimes,
}

/// A session with new tokens.
pub(in crate::session) struct RefreshedContents {
    /// Its bytes.
    pub(in crate::session) contents: Vec<u8>,
    pub(in crate::session) ends_at: UnixTime,
    /// Whether its tokens are good for longer than those before.
    pub(in crate::session) has_new_end: bool,
}

/// The ends of new tokens.
struct Ends {
    tokens: UnixTime,
    /// `None` where there is no refresh token, or it has no end of its own.
    refresh_token: Option<UnixTime>,
    renewable: bool,
}

impl Sealing {
    /// The bytes of a new session, and its end.
    pub(in crate::session) fn begin(
        &self,
        session: &NewSession<'_>,
        id: SessionId,
    ) -> Result<(Vec<u8>, UnixTime), BeginError> {
        let (user, tokens, now) = (session.identity.as_ref(), session.tokens, self.now);
        let ends = Ends {
            tokens: tokens.expires_at,
            refresh_token: tokens.refresh_expires_at,
            renewable: tokens.refresh_token.is_some(),
        };
        let ends_at = self.end(now, &ends);
        let (id_token, refresh_token) =
            (Kept::new(&tokens.id_token), tokens.refresh_token.as_ref().map(Kept::new));
        let contents = Contents {
            id: id.0,
            issuer: session.issuer.0,
            process: self.process,
            generation: 1,
            signed_in_at: now.0,
            issued_at: tokens.id_token_issued_at.0,
            sealed_at: now.0,
            active_at: now.0,
            refresh_at: self.refresh_at(id, 1, &ends),
            tokens_end_at: ends.tokens.0,
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
            id_token: id_token.packed(),
            refresh_token: refresh_token.as_ref().map(Kept::packed),
        };
        Ok((written(&contents)?, ends_at))
    }

    /// A session with what a refresh brought.
    pub(in crate::session) fn refresh(
        &self,
        old: &Contents<'_>,
        refreshed: &Refreshed,
        user: Option<(&Identity, PolicyVerdicts)>,
        active_at: UnixTime,
    ) -> Result<RefreshedContents, BeginError> {
        let (id, generation) = (SessionId(old.id), old.generation.saturating_add(1));
        let id_token_ends_at =
            refreshed.id_token.as_ref().map_or(UnixTime(old.id_token_ends_at), |new| new.expires_at);
        let ends = Ends {
            tokens: self.tokens_end(old, refreshed, id_token_ends_at),
            refresh_token: refreshed.refresh_expires_at,
            renewable: true,
        };
        let ends_at = self.end(UnixTime(old.signed_in_at), &ends);
        let id_token = refreshed.id_token.as_ref().map(|new| Kept::new(&new.text));
        let refresh_token = refreshed.refresh_token.as_ref().map(Kept::new);
        let mut contents = Contents {
            process: self.process,
            generation,
            sealed_at: self.now.0,
            active_at: active_at.0,
            refresh_at: self.refresh_at(id, generation, &ends),
            tokens_end_at: ends.tokens.0,
            id_token_ends_at: id_token_ends_at.0,
            ends_at: ends_at.0,
            id_token: id_token.as_ref().map_or(old.id_token, Kept::packed),
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
            (contents.policy_generation, contents.policies_met) = (policies.generation, policies.met);
            (contents.user, contents.email, contents.groups) = (user.user, user.email, user.groups);
        }
        let has_new_end = ends.tokens > UnixTime(old.tokens_end_at);
        Ok(RefreshedContents { contents: written(&contents)?, ends_at, has_new_end })
    }

    /// What nobody gave a new end has its old one.
    fn tokens_end(&self, old: &Contents<'_>, refreshed: &Refreshed, id_token_ends_at: UnixTime) -> UnixTime {
        match (refreshed.access_expires_at, &refreshed.id_token) {
            (Some(access), None) if !self.lifetimes.require_fresh_id_token => access,
            (Some(access), _) => access.min(id_token_ends_at),
            (None, Some(_)) => id_token_ends_at,
            (None, None) => UnixTime(old.tokens_end_at),
        }
    }

    fn end(&self, signed_in_at: UnixTime, ends: &Ends) -> UnixTime {
        let latest = signed_in_at.plus(self.lifetimes.session);
        let own = if ends.renewable { ends.refresh_token } else { Some(ends.tokens) };
        own.map_or(latest, |own| own.min(latest))
    }

    fn refresh_at(&self, id: SessionId, generation: u64, ends: &Ends) -> u64 {
        let end = ends.refresh_token.map_or(ends.tokens, |own| own.min(ends.tokens));
        let life = end.seconds_since(self.now);
        let spread = id.0.iter().fold(generation, |sum, byte| sum.wrapping_add(u64::from(*byte))) % 16;
        self.now.0 + life.saturating_mul(60 + spread) / 100
    }
}

/// A token and its parts, if it has any.
struct Kept<'t>(&'t str, Option<Parts>);

impl<'t> Kept<'t> {
    fn new(token: &'t Secret) -> Self {
        Self(token.expose(), Parts::of(token.expose()))
    }

    fn packed(&self) -> Packed<'_> {
        self.1.as_ref().map_or(Packed::Text(self.0), Parts::packed)
    }
}

fn written(contents: &Contents<'_>) -> Result<Vec<u8>, BeginError> {
    contents.write().ok_or(BeginError::TooLarge { bytes: usize::MAX })
}
