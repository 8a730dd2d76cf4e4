//! Which header fields are ours, and what do they say?
//!
//! One table serves both ways. What we own
//!
//! 1. is refused where a client names it by an alias: another spelling that a back end may fold into the same name
//!    (`X_Forwarded_User`, `X.Forwarded.User`), or in `Connection`, which would have it removed on the way;
//! 2. is removed from what the client sent, where we are the proxy ([`OwnedHeaders::strip`]);
//! 3. is set from the session alone ([`OwnedHeaders::edits`]).
//!
//! We own the four identity fields, `Cookie` (returned without our cookies), everything that begins with
//! `Impersonate-`, and, where configured, `Authorization`.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use thiserror::Error;

use super::identity::IdentityRef;
use super::token::TokenText;

const IMPERSONATE: &str = "impersonate-";

/// The forwarding fields a proxy sets: never ours to send, and an alias of one is as forged as an alias of ours.
const FORWARDED: [&str; 5] =
    ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-for"];

/// The names under which an identity is passed on.
#[derive(Clone, Debug)]
pub struct IdentityHeaderNames {
    /// The person's name.
    pub user: HeaderName,
    /// The groups, joined with commas.
    pub group: HeaderName,
    /// The e-mail address.
    pub email: HeaderName,
    /// The ID token, as the provider signed it.
    pub id_token: HeaderName,
}

/// The table of header fields we own.
#[derive(Clone, Debug)]
pub struct OwnedHeaders {
    names: IdentityHeaderNames,
    authorization: bool,
    guarded: Vec<String>,
    /// One bit for each length that a guarded name has.
    lengths: u64,
}

/// A client used another spelling of a header field that is ours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the request carries the header {0}, an alias of one that only the gateway may set")]
pub struct Alias(pub String);

impl OwnedHeaders {
    /// Builds the table; `authorization` says whether `Authorization: Bearer` with the ID token is ours too.
    pub fn new(names: IdentityHeaderNames, authorization: bool) -> Self {
        let owned = [&names.user, &names.group, &names.email, &names.id_token, &header::COOKIE];
        let mut guarded: Vec<String> = owned.iter().map(|name| name.as_str().to_owned()).collect();
        guarded.extend(FORWARDED.map(str::to_owned));
        if authorization {
            guarded.push(header::AUTHORIZATION.as_str().to_owned());
        }
        let lengths = guarded.iter().fold(0, |mask, name| mask | length_bit(name));
        Self { names, authorization, guarded, lengths }
    }

    /// Refuses a request that names one of them by an alias, or in `Connection`.
    pub fn guard(&self, headers: &HeaderMap) -> Result<(), Alias> {
        for name in headers.keys() {
            if self.is_alias(name.as_str()) {
                return Err(Alias(name.as_str().to_owned()));
            }
            if *name == header::CONNECTION {
                self.guard_connection(headers)?;
            }
        }
        Ok(())
    }

    /// The name is in lower case already, so one of letters, digits and `-` alone is an alias of nothing; and few names
    /// are as long as one of ours.
    fn is_alias(&self, name: &str) -> bool {
        let may_be = self.lengths & length_bit(name) != 0 || name.starts_with('i');
        may_be && !is_plain(name) && self.folds_to_owned(name)
    }

    fn guard_connection(&self, headers: &HeaderMap) -> Result<(), Alias> {
        let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named =
            values.flat_map(|value| value.split(',')).map(str::trim).find(|name| self.folds_to_owned(name));
        named.map_or(Ok(()), |name| Err(Alias(format!("Connection: {name}"))))
    }

    fn folds_to_owned(&self, name: &str) -> bool {
        begins_folded(name, IMPERSONATE) || self.guarded.iter().any(|owned| folds_to(name, owned))
    }

    /// Removes every field we own from what a client sent; `Cookie` and `Authorization` as far as we set them.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let names = &self.names;
        for name in [&names.user, &names.group, &names.email, &names.id_token, &header::COOKIE] {
            headers.remove(name);
        }
        if self.authorization {
            headers.remove(header::AUTHORIZATION);
        }
        let impersonate = |name: &&HeaderName| begins_folded(name.as_str(), IMPERSONATE);
        let found: Vec<HeaderName> = headers.keys().filter(impersonate).cloned().collect();
        for name in found {
            headers.remove(name);
        }
    }

    /// The edits that tell an application who the person is: identity fields always (empty where there is nothing to
    /// say), `Authorization` and `Cookie` only where there is.
    ///
    /// `others` writes the client's cookies without ours.
    pub fn edits(
        &self,
        person: IdentityRef<'_>,
        id_token: TokenText<'_>,
        others: &dyn WriteText,
    ) -> HeaderEdits {
        let size =
            person.user.len() + person.groups.len() + person.email.len() + id_token.len() + others.max_len();
        let mut edits = EditsBuilder::with_capacity(BEARER.len() + size);
        edits.set(&self.names.user, person.user);
        edits.set(&self.names.group, person.groups);
        edits.set(&self.names.email, person.email);
        edits.set_id_token(self, id_token);
        edits.set_if_any(&header::COOKIE, others);
        edits.finish()
    }
}

/// Text that is written straight into the buffer of the edits.
pub trait WriteText {
    /// No more bytes than this are written.
    fn max_len(&self) -> usize;
    /// Writes the text.
    fn write(&self, buffer: &mut Vec<u8>);
}

const BEARER: &str = "Bearer ";

/// The most fields a grant sets: four of identity, `Authorization`, `Cookie`.
const MOST_EDITS: usize = 6;

/// What is set on a request that passes; everything else we own is removed.
///
/// The fields stand in place, not on the heap: a check makes one of these each time.
#[derive(Clone, Debug, Default)]
pub struct HeaderEdits([Option<(HeaderName, HeaderValue)>; MOST_EDITS]);

impl HeaderEdits {
    /// The fields, each name once.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().flatten().map(|(name, value)| (name, value))
    }

    /// The fields, taken out.
    pub fn into_fields(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.0.into_iter().flatten()
    }
}

/// All values in one buffer, which the header values then share.
struct EditsBuilder<'n> {
    text: Vec<u8>,
    spans: [Option<(&'n HeaderName, usize, usize)>; MOST_EDITS],
    used: usize,
}

impl<'n> EditsBuilder<'n> {
    fn with_capacity(bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes), spans: [None; MOST_EDITS], used: 0 }
    }

    fn set(&mut self, name: &'n HeaderName, value: &str) {
        let start = self.text.len();
        self.text.extend_from_slice(value.as_bytes());
        self.span(name, start);
    }

    /// The token stands once in the buffer, behind `Bearer `; both fields share it.
    fn set_id_token(&mut self, owned: &'n OwnedHeaders, id_token: TokenText<'_>) {
        let start = self.text.len();
        let bearer = owned.authorization && !id_token.is_empty();
        if bearer {
            self.text.extend_from_slice(BEARER.as_bytes());
        }
        let token = self.text.len();
        id_token.write(&mut self.text);
        self.span(&owned.names.id_token, token);
        if bearer {
            self.span(&header::AUTHORIZATION, start);
        }
    }

    fn set_if_any(&mut self, name: &'n HeaderName, value: &dyn WriteText) {
        let start = self.text.len();
        value.write(&mut self.text);
        if self.text.len() > start {
            self.span(name, start);
        }
    }

    fn span(&mut self, name: &'n HeaderName, start: usize) {
        if let Some(span) = self.spans.get_mut(self.used) {
            *span = Some((name, start, self.text.len()));
            self.used += 1;
        }
    }

    fn finish(self) -> HeaderEdits {
        let text = Bytes::from(self.text);
        HeaderEdits(self.spans.map(|span| {
            let (name, start, end) = span?;
            // An identity holds no control character; were that broken, the field would be empty and the person nobody.
            let value = HeaderValue::from_maybe_shared(text.slice(start..end));
            Some((name.clone(), value.unwrap_or_else(|_| HeaderValue::from_static(""))))
        }))
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

/// CGI and its heirs turn every byte that is no letter or digit into the same one.
fn fold(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte.to_ascii_lowercase(),
        b'a'..=b'z' | b'0'..=b'9' => byte,
        _ => b'-',
    }
}

/// Whether a name in lower case holds letters, digits and `-` alone.
///
/// Every byte is looked at, without an early end: so the compiler takes many at once.
fn is_plain(name: &str) -> bool {
    let odd = |byte: u8| u8::from(!matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    name.bytes().fold(0, |any, byte| any | odd(byte)) == 0
}

fn folds_to(name: &str, owned: &str) -> bool {
    name.len() == owned.len() && begins_folded(name, owned)
}

fn begins_folded(name: &str, start: &str) -> bool {
    name.len() >= start.len()
        && name.bytes().zip(start.bytes()).all(|(byte, wanted)| fold(byte) == fold(wanted))
}

#[cfg(test)]
mod tests;
