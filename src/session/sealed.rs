//! How does a session live in the browser alone?
//!
//! 1. The whole session is sealed into one value and carried in one to four cookies; the value says how many.
//! 2. A part that is missing, came twice, or was changed makes the whole unusable.
//! 3. The end stands inside; what the browser thinks of `Max-Age` does not count.
//! 4. Every sign-in makes a new id.

use std::sync::Arc;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};

use super::cookie::{Names, PART_LEN, pairs};
use super::jwt::{Packed, Parts};
use super::layout::Contents;
use super::seal::{Binding, KeyRing, MOST_PARTS, OVERHEAD, Purpose, count_of};
use crate::access::decision::Credential;
use crate::access::identity::IdentityRef;
use crate::access::origin::{Origin, Origins};
use crate::access::policy::Answers;
use crate::flow::circle::Reloads;
use crate::flow::ports::{
    Absence, BeginError, Entropy, NewSession, Opened, Session, SessionStore, UnixTime, Workspace,
};
use crate::secret::Secret;

/// One origin's cookies.
struct Place {
    origin: String,
    names: Names,
    binding: Binding,
}

/// The `cookie` store: nothing is kept on the server.
pub struct CookieStore {
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    places: Vec<Place>,
    lifetime: std::time::Duration,
}

impl CookieStore {
    /// A store for the public origins; a session ends `lifetime` after sign-in at the latest.
    pub fn new(
        keys: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
        origins: &Origins,
        client: (&str, &str),
        lifetime: std::time::Duration,
    ) -> Self {
        let (issuer, client_id) = client;
        let place = |origin: &Origin| {
            let names = Names::for_sessions(origin, origins.domain());
            // With the dot, no domain is ever mistaken for an origin.
            let place =
                origins.domain().map_or_else(|| origin.as_str().to_owned(), |domain| format!(".{domain}"));
            let binding = Binding::new(Purpose::Session, names.session(), &place, issuer, client_id);
            Place { origin: origin.as_str().to_owned(), names, binding }
        };
        Self { keys, entropy, places: origins.iter().map(place).collect(), lifetime }
    }

    fn place(&self, origin: &Origin) -> Option<&Place> {
        self.places.iter().find(|place| place.origin == origin.as_str())
    }

    fn open_found<'w>(
        &self,
        place: &Place,
        found: [Option<&[u8]>; MOST_PARTS],
        workspace: &'w mut Workspace,
        now: UnixTime,
    ) -> Result<Session<'w>, Absence> {
        if found.iter().all(Option::is_none) {
            return Err(Absence::NoCookie);
        }
        let contents = self.open_parts(place, found, workspace).ok_or(Absence::Refused)?;
        if contents.ends_at <= now.0 { Err(Absence::Expired) } else { Ok(view(&contents)) }
    }

    /// Opens what the parts hold together; the first says how many they are.
    fn open_parts<'w>(
        &self,
        place: &Place,
        parts: [Option<&[u8]>; MOST_PARTS],
        workspace: &'w mut Workspace,
    ) -> Option<Contents<'w>> {
        let (small, large) = workspace.places();
        let mut parts = parts.into_iter().map(|part| part.filter(|part| part.len() <= PART_LEN));
        let head = URL_SAFE_NO_PAD.decode(parts.next()??, Out::from_uninit_slice(small)).ok()?;
        let count = count_of(head)?;
        let sealed = if count == 1 {
            head
        } else {
            large.reserve_exact(count * PART_LEN);
            large.extend_from_slice(head);
            for part in parts.take(count - 1) {
                URL_SAFE_NO_PAD.decode_append(part?, large).ok()?;
            }
            large
        };
        Contents::read(self.keys.open(&place.binding, count, sealed)?)
    }

    fn sealed(
        &self,
        session: &NewSession<'_>,
        place: &Place,
        now: UnixTime,
    ) -> Result<(String, u64), BeginError> {
        let ends_at = now.plus(self.lifetime).min(session.tokens.expires_at);
        let plaintext = self.plaintext(session, now, ends_at)?;
        let text_len = URL_SAFE_NO_PAD.encoded_length(plaintext.len() + OVERHEAD);
        let count = text_len.div_ceil(PART_LEN);
        if count > MOST_PARTS {
            return Err(BeginError::TooLarge { bytes: text_len });
        }
        let value = self.keys.seal(&place.binding, count, &plaintext, &*self.entropy)?;
        Ok((URL_SAFE_NO_PAD.encode_to_string(value), ends_at.seconds_since(now)))
    }

    fn plaintext(
        &self,
        session: &NewSession<'_>,
        now: UnixTime,
        ends_at: UnixTime,
    ) -> Result<Vec<u8>, BeginError> {
        let mut id = [0; 16];
        self.entropy.fill(&mut id)?;
        let person = session.identity.as_ref();
        let id_token = session.tokens.id_token.expose();
        let refresh_token = session.tokens.refresh_token.as_ref().map(Secret::expose);
        let id_parts = Parts::of(id_token);
        let refresh_parts = refresh_token.and_then(Parts::of);
        let contents = Contents {
            id,
            signed_in_at: now.0,
            ends_at: ends_at.0,
            policy_generation: session.policies.generation,
            policies_met: session.policies.met,
            subject: person.subject,
            user: person.user,
            email: person.email,
            groups: person.groups,
            id_token: id_parts.as_ref().map_or(Packed::Text(id_token), Parts::packed),
            refresh_token: refresh_token
                .map(|text| refresh_parts.as_ref().map_or(Packed::Text(text), Parts::packed)),
        };
        contents.write().ok_or(BeginError::TooLarge { bytes: id_token.len() })
    }
}

/// Reloads that are further apart than this are no circle.
const RELOADS_COUNT_SECONDS: u64 = 10;

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

impl SessionStore for CookieStore {
    fn open<'w>(
        &self,
        workspace: &'w mut Workspace,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> (Opened<'w>, Vec<u8>) {
        let mut other_cookies = Vec::new();
        let Some(place) = self.place(origin) else {
            return (Opened::Absent(Absence::NoCookie), other_cookies);
        };
        let found = place.names.sort(headers, |member| add_cookie(&mut other_cookies, member));
        let opened = match found.map(|found| self.open_found(place, found, workspace, now)) {
            Some(Ok(session)) => Opened::Session(session),
            Some(Err(absence)) => Opened::Absent(absence),
            None => Opened::Absent(Absence::Refused),
        };
        (opened, other_cookies)
    }

    fn begin(
        &self,
        session: &NewSession<'_>,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, BeginError> {
        let Some(place) = self.place(origin) else { return Ok(Vec::new()) };
        let (text, seconds) = self.sealed(session, place, now)?;
        let mut parts =
            text.as_bytes().chunks(PART_LEN).map(|part| std::str::from_utf8(part).unwrap_or_default());
        let carried = place.names.find(headers).unwrap_or([Some(&[]); MOST_PARTS]);
        let cookies = place.names.parts().zip(carried).filter_map(|(name, old)| match parts.next() {
            Some(part) => place.names.set(name, part, seconds),
            None => old.and_then(|_| place.names.remove(name)),
        });
        Ok(cookies.collect())
    }

    fn reloads(&self, headers: &HeaderMap, origin: &Origin) -> Option<Reloads> {
        let name = Names::of(origin).reloads();
        let (_, value) = pairs(headers).find(|(found, _)| *found == name.as_bytes())?;
        let (times, at) = std::str::from_utf8(value).ok()?.split_once('.')?;
        Some(Reloads { times: times.parse().ok()?, at: UnixTime(at.parse().ok()?) })
    }

    fn count_reload(&self, reloads: Reloads, origin: &Origin) -> Option<HeaderValue> {
        let names = Names::of(origin);
        names.set(&names.reloads(), &format!("{}.{}", reloads.times, reloads.at.0), RELOADS_COUNT_SECONDS)
    }

    fn end(&self, headers: &HeaderMap, origin: &Origin) -> Vec<HeaderValue> {
        let Some(place) = self.place(origin) else { return Vec::new() };
        let carried = place.names.find(headers).unwrap_or([Some(&[]); MOST_PARTS]);
        let removed = place.names.parts().zip(carried).enumerate().filter_map(|(index, (name, old))| {
            (index == 0 || old.is_some()).then(|| place.names.remove(name)).flatten()
        });
        removed.collect()
    }
}

fn view<'w>(contents: &Contents<'w>) -> Session<'w> {
    let Contents { subject, user, email, groups, .. } = *contents;
    let policies = Answers { generation: contents.policy_generation, met: contents.policies_met };
    Session {
        credential: Credential {
            person: IdentityRef { subject, user, email, groups },
            id_token: contents.id_token.text(),
            policies: Some(policies),
        },
        signed_in_at: UnixTime(contents.signed_in_at),
        ends_at: UnixTime(contents.ends_at),
    }
}

#[cfg(test)]
mod tests;
