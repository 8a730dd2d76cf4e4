//! Cookie store: sessions in the browser, with the registry of this process
//!
//! 1. A session is sealed into one value, carried in one to four cookies. The value contains their number.
//! 2. The session is rejected if a part is missing, came twice, or was changed.
//! 3. The sealed value contains the end of the session. Whether the browser obeys `Max-Age` does not matter.
//! 4. Every sign-in creates a new id.
//! 5. If the registry holds a newer generation than the cookie, that generation is used. So no refresh token is sent
//!    twice.

mod opening;
mod port;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};

pub use super::codec::contents::Lifetimes;
use super::codec::contents::{RefreshedContents, Sealing};
use super::codec::layout::Contents;
use super::codec::seal::{KeyRing, MAX_PARTS, OVERHEAD};
use super::cookie::PART_LEN;
use super::place::{Place, Places};
use super::provider_marks::{ProviderMarks, ProviderVerdict};
pub use super::registry::Room;
use super::registry::{Delivery, Listed, Registry};
use super::usable::next_lease;
use crate::access::identity::Identity;
use crate::access::origin::{Origin, Origins};
use crate::access::policy::PolicyVerdicts;
use crate::flow::audit::Audit;
use crate::flow::ports::{
    BeginError, Commit, EndedSession, Entropy, NewSession, NoEntropy, Refreshable, Refreshed, SessionId,
    SessionRequest, UnixTime,
};

/// The result of a refresh, until the browser has had it for a minute.
#[derive(Clone)]
struct PendingRefresh {
    contents: Arc<[u8]>,
    cookies: Arc<[HeaderValue]>,
}

/// This run of the process.
#[derive(Clone, Copy)]
pub(super) struct Process {
    /// A random number.
    pub(super) id: u64,
    pub(super) began_at: UnixTime,
}

/// Longer than a process drains by default. A process that drains longer can look like a second process.
const HANDOVER_SECONDS: u64 = 120;

/// The `cookie` store.
pub struct CookieStore {
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    places: Places,
    lifetimes: Lifetimes,
    keeps_id_token: bool,
    process: Process,
    registry: Registry<PendingRefresh>,
    provider_marks: ProviderMarks,
    /// Another process seals with our keys, which this store does not support.
    are_keys_shared: AtomicBool,
    audit: Arc<dyn Audit>,
}

impl CookieStore {
    /// A store for the public origins; `client` is the issuer and the client ID.
    pub fn new(
        keys: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
        origins: &Origins,
        client: (&str, &str),
        (lifetimes, room): (Lifetimes, Room),
        audit: Arc<dyn Audit>,
        now: UnixTime,
    ) -> Result<Self, NoEntropy> {
        let mut id = [0; 8];
        entropy.fill(&mut id)?;
        Ok(Self {
            keys,
            entropy,
            places: Places::new(origins, client),
            lifetimes,
            keeps_id_token: true,
            process: Process { id: u64::from_ne_bytes(id), began_at: now },
            registry: Registry::new(room),
            provider_marks: ProviderMarks::default(),
            are_keys_shared: AtomicBool::new(false),
            audit,
        })
    }

    /// Sets whether sessions contain their ID token, and whether an application receives it. By default, they do.
    #[must_use]
    pub fn with_id_tokens(self, keeps_id_token: bool) -> Self {
        Self { keeps_id_token, ..self }
    }

    /// Returns the number of sessions in the registry.
    pub fn known(&self) -> usize {
        self.registry.len()
    }

    /// Whether a request presented a cookie that another process sealed while this one ran.
    pub fn is_shared(&self) -> bool {
        self.are_keys_shared.load(Ordering::Relaxed)
    }

    fn sealing(&self, now: UnixTime) -> Sealing {
        let (lifetimes, keeps_id_token) = (self.lifetimes, self.keeps_id_token);
        Sealing { process: self.process.id, now, lifetimes, keeps_id_token }
    }

    fn too_large(&self, bytes: usize) -> BeginError {
        BeginError::TooLarge { bytes, limit: MAX_PARTS * PART_LEN, has_id_token: self.keeps_id_token }
    }

    /// Seals contents, and returns the text that the cookies carry.
    fn seal(&self, place: &Place, contents: &[u8]) -> Result<String, BeginError> {
        let text_len = URL_SAFE_NO_PAD.encoded_length(contents.len() + OVERHEAD);
        let count = text_len.div_ceil(PART_LEN);
        if count > MAX_PARTS {
            return Err(self.too_large(text_len));
        }
        let value = self.keys.seal(&place.binding, count, contents, &*self.entropy)?;
        Ok(URL_SAFE_NO_PAD.encode_to_string(value))
    }
}

fn chunks(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes().chunks(PART_LEN).map(|part| std::str::from_utf8(part).unwrap_or_default())
}

fn listed_refreshable(session: &Refreshable) -> Listed<'_> {
    let Refreshable { id, generation, subject, ends_at, active_at, .. } = session;
    Listed {
        id: *id,
        generation: *generation,
        subject,
        ends_at: *ends_at,
        active_at: *active_at,
        policies: None,
    }
}

impl CookieStore {
    fn begin_session(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError> {
        let Some(place) = self.places.of(origin) else { return Ok(Vec::new()) };
        let mut id = [0; 16];
        self.entropy.fill(&mut id)?;
        let encoded = self.sealing(now).encode_new(session, SessionId(id));
        let (contents, ends_at) = encoded.ok_or_else(|| self.too_large(usize::MAX))?;
        let text = self.seal(place, &contents)?;
        let subject = session.identity.as_ref().subject;
        let listed =
            Listed { id: SessionId(id), generation: 1, subject, ends_at, active_at: now, policies: None };
        let NewSession { issuer, sid, tokens, .. } = *session;
        let answered_doubt = self.provider_marks.answered_by(issuer, sid, subject, tokens.requested_at);
        self.registry.begin(listed, answered_doubt, now)?;
        let seconds = ends_at.seconds_since(now);
        Ok(place.names.replace_parts(headers, chunks(&text), seconds))
    }

    fn commit_tokens(
        &self,
        session: &Refreshable,
        refreshed: &Refreshed,
        user: Option<(&Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> Result<Commit, BeginError> {
        let (Some(old), Some(place)) = (Contents::read(&session.contents), self.places.of(&session.origin))
        else {
            return Ok(Commit::Ended);
        };
        if self.provider_verdict(&old) == ProviderVerdict::Ended {
            return Ok(Commit::Ended);
        }
        let encoded = self.sealing(now).encode_refreshed(&old, refreshed, user, session.active_at);
        let RefreshedContents { contents, ends_at, has_new_end } =
            encoded.ok_or_else(|| self.too_large(usize::MAX))?;
        let text = self.seal(place, &contents)?;
        let seconds = ends_at.seconds_since(now);
        let cookies = place.names.parts().zip(chunks(&text));
        let cookies = cookies.filter_map(|(name, part)| place.names.set(name, part, seconds)).collect();
        let result = PendingRefresh { contents: contents.into(), cookies };
        let generation = session.generation.saturating_add(1);
        let policies = user.map(|(_, policies)| policies);
        let listed = Listed { generation, ends_at, policies, ..listed_refreshable(session) };
        let lease = next_lease(&self.lifetimes, refreshed, has_new_end, now);
        Ok(match self.registry.commit(listed, (result, lease), now) {
            Some(delivery) => Commit::Committed { last_was_not_delivered: delivery == Delivery::Failed },
            None => Commit::Ended,
        })
    }

    fn end_session(&self, request: SessionRequest<'_>) -> EndedSession {
        let Some(place) = self.places.of(request.origin) else { return EndedSession::default() };
        let found = place.names.session_parts(request.headers);
        let ended = self.end_presented(place, found, request);
        EndedSession { cookies: place.names.remove_parts(request.headers), ..ended }
    }
}

#[cfg(test)]
mod tests;
