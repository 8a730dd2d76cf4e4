//! The cookie store: sessions in the browser, and what the process knows of them
//!
//! 1. The whole session is sealed into one value and carried in one to four cookies; the value says how many.
//! 2. A part that is missing, came twice, or was changed makes the whole unusable.
//! 3. The end stands inside; what the browser thinks of `Max-Age` does not count.
//! 4. Every sign-in makes a new id.
//! 5. A cookie that is older than what the table holds is answered from the table: a refresh token is never sent twice.

mod opening;
mod port;
mod usable;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};

pub use super::codec::contents::Lifetimes;
use super::codec::contents::{RefreshedContents, Sealing};
use super::codec::layout::Contents;
use super::codec::seal::{Binding, KeyRing, MAX_PARTS, OVERHEAD, Purpose};
use super::cookie::{Names, PART_LEN};
use super::provider_marks::{ProviderMarks, ProviderVerdict};
pub use super::registry::Room;
use super::registry::{Delivery, Listed, RefreshLease, Registry};
use crate::access::identity::Identity;
use crate::access::origin::{Origin, Origins};
use crate::access::policy::PolicyVerdicts;
use crate::flow::audit::Audit;
use crate::flow::ports::{
    BeginError, Commit, EndedSession, Entropy, NewSession, NoEntropy, Refreshable, Refreshed, SessionId,
    SessionRequest, UnixTime,
};

/// One origin's cookies.
struct Place {
    origin: String,
    names: Names,
    binding: Binding,
}

/// What a renewal brought, until the browser shows it.
#[derive(Clone)]
struct Held {
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

/// Before a provider is asked again whose tokens are no longer good than those before.
const NOTHING_NEW: Duration = Duration::from_secs(30);

/// Longer than a process drains by default; a longer drain can look like a second process.
const HANDOVER_SECONDS: u64 = 120;

/// The `cookie` store.
pub struct CookieStore {
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    places: Vec<Place>,
    lifetimes: Lifetimes,
    process: Process,
    registry: Registry<Held>,
    provider_marks: ProviderMarks,
    /// Another process seals with our keys, which this store cannot live with.
    shared: AtomicBool,
    audit: Arc<dyn Audit>,
}

impl CookieStore {
    /// A store for the public origins.
    pub fn new(
        keys: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
        origins: &Origins,
        client: (&str, &str),
        (lifetimes, room): (Lifetimes, Room),
        audit: Arc<dyn Audit>,
        now: UnixTime,
    ) -> Result<Self, NoEntropy> {
        let (issuer, client_id) = client;
        let place = |origin: &Origin| {
            let names = Names::for_sessions(origin, origins.domain());
            // With the dot, no domain is ever mistaken for an origin.
            let place =
                origins.domain().map_or_else(|| origin.as_str().to_owned(), |domain| format!(".{domain}"));
            let binding = Binding::new(Purpose::Session, names.session(), &place, issuer, client_id);
            Place { origin: origin.as_str().to_owned(), names, binding }
        };
        let mut id = [0; 8];
        entropy.fill(&mut id)?;
        Ok(Self {
            keys,
            entropy,
            places: origins.iter().map(place).collect(),
            lifetimes,
            process: Process { id: u64::from_ne_bytes(id), began_at: now },
            registry: Registry::new(room),
            provider_marks: ProviderMarks::default(),
            shared: AtomicBool::new(false),
            audit,
        })
    }

    /// How many sessions are known.
    pub fn known(&self) -> usize {
        self.registry.len()
    }

    /// Whether cookies came that another process sealed while this one ran.
    pub fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    fn place(&self, origin: &Origin) -> Option<&Place> {
        self.places.iter().find(|place| place.origin == origin.as_str())
    }

    fn sealing(&self, now: UnixTime) -> Sealing {
        Sealing { process: self.process.id, now, lifetimes: self.lifetimes }
    }

    /// The value of the cookies, in parts.
    fn seal(&self, place: &Place, contents: &[u8]) -> Result<String, BeginError> {
        let text_len = URL_SAFE_NO_PAD.encoded_length(contents.len() + OVERHEAD);
        let count = text_len.div_ceil(PART_LEN);
        if count > MAX_PARTS {
            return Err(BeginError::TooLarge { bytes: text_len });
        }
        let value = self.keys.seal(&place.binding, count, contents, &*self.entropy)?;
        Ok(URL_SAFE_NO_PAD.encode_to_string(value))
    }
}

/// Room for what a check writes after them, so that most checks ask for memory once.
const MEMORY: usize = 4096;

fn add_cookie(cookies: &mut Vec<u8>, member: &[u8]) {
    if cookies.is_empty() {
        cookies.reserve(MEMORY);
    } else {
        cookies.extend_from_slice(b"; ");
    }
    cookies.extend_from_slice(member);
}

fn chunks(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes().chunks(PART_LEN).map(|part| std::str::from_utf8(part).unwrap_or_default())
}

fn listed_refreshable(session: &Refreshable) -> Listed<'_> {
    let Refreshable { id, generation, subject, ends_at, active_at, .. } = session;
    Listed { id: *id, generation: *generation, subject, ends_at: *ends_at, active_at: *active_at }
}

impl CookieStore {
    fn begin_session(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError> {
        let Some(place) = self.place(origin) else { return Ok(Vec::new()) };
        let mut id = [0; 16];
        self.entropy.fill(&mut id)?;
        let (contents, ends_at) = self.sealing(now).begin(session, SessionId(id))?;
        let text = self.seal(place, &contents)?;
        let subject = session.identity.as_ref().subject;
        let listed = Listed { id: SessionId(id), generation: 1, subject, ends_at, active_at: now };
        let NewSession { issuer, sid, tokens, .. } = *session;
        let answered = self.provider_marks.answered_by(issuer, sid, subject, tokens.requested_at);
        self.registry.begin(listed, answered, now)?;
        let seconds = ends_at.seconds_since(now);
        let mut parts = chunks(&text);
        let carried = place.names.session_parts(headers).unwrap_or([Some(&[]); MAX_PARTS]);
        let cookies = place.names.parts().zip(carried).filter_map(|(name, old)| match parts.next() {
            Some(part) => place.names.set(name, part, seconds),
            None => old.and_then(|_| place.names.remove(name)),
        });
        Ok(cookies.collect())
    }

    fn commit_tokens(
        &self,
        session: &Refreshable,
        refreshed: &Refreshed,
        user: Option<(&Identity, PolicyVerdicts)>,
        now: UnixTime,
    ) -> Result<Commit, BeginError> {
        let (Some(old), Some(place)) = (Contents::read(&session.contents), self.place(&session.origin))
        else {
            return Ok(Commit::TooLate);
        };
        if self.provider_verdict(&old) == ProviderVerdict::Ended {
            return Ok(Commit::TooLate);
        }
        let RefreshedContents { contents, ends_at, has_new_end } =
            self.sealing(now).refresh(&old, refreshed, user, session.active_at)?;
        let text = self.seal(place, &contents)?;
        let seconds = ends_at.seconds_since(now);
        let cookies = place.names.parts().zip(chunks(&text));
        let cookies = cookies.filter_map(|(name, part)| place.names.set(name, part, seconds)).collect();
        let held = Held { contents: contents.into(), cookies };
        let generation = session.generation.saturating_add(1);
        let listed = Listed { generation, ends_at, ..listed_refreshable(session) };
        let lease = self.next_lease(refreshed, has_new_end, now);
        Ok(match self.registry.commit(listed, (held, lease), now) {
            Some(delivery) => Commit::Committed { last_was_not_delivered: delivery == Delivery::InVain },
            None => Commit::TooLate,
        })
    }

    fn next_lease(&self, refreshed: &Refreshed, has_new_end: bool, now: UnixTime) -> RefreshLease {
        let gives_no_id_token = refreshed.id_token.is_none() && refreshed.access_expires_at.is_some();
        if has_new_end {
            RefreshLease::Available
        } else if self.lifetimes.require_fresh_id_token && gives_no_id_token {
            // Another exchange brings nothing: the session ends with its ID token.
            RefreshLease::TokenSpent
        } else {
            RefreshLease::RetryAt(now.plus(NOTHING_NEW))
        }
    }

    fn end_session(&self, request: SessionRequest<'_>) -> EndedSession {
        let Some(place) = self.place(request.origin) else { return EndedSession::default() };
        let found = place.names.session_parts(request.headers);
        let ended = self.end_carried(place, found, request);
        let carried = found.unwrap_or([Some(&[]); MAX_PARTS]);
        let removed = place.names.parts().zip(carried).enumerate().filter_map(|(index, (name, old))| {
            (index == 0 || old.is_some()).then(|| place.names.remove(name)).flatten()
        });
        EndedSession { cookies: removed.collect(), ..ended }
    }
}

#[cfg(test)]
mod tests;
