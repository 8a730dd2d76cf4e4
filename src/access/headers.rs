//! Which header fields are ours, and what do they say?
//!
//! One table serves both ways. What we own
//!
//! 1. is refused where a client names it by an alias: another spelling that a back end may fold into the same name
//!    (`X_Forwarded_User`, `X.Forwarded.User`), or in `Connection`, which would have it removed on the way;
//! 2. is removed from what the client sent, where we are the proxy ([`OwnedHeaders::strip`]), as are the names under which
//!    other gateways tell who somebody is;
//! 3. is set from the session alone ([`OwnedHeaders::edits`]).
//!
//! We own the four identity fields, `Cookie` (returned without our cookies), everything that begins with
//! `Impersonate-`, and, where configured, `Authorization`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use thiserror::Error;

use super::blank::BlankHeaders;
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
    names: Arc<IdentityHeaderNames>,
    authorization: bool,
    blank: BlankHeaders,
    guarded: Vec<String>,
    /// One bit for each length that a guarded name has, and one for each first letter: few other names share both.
    lengths: u64,
    firsts: u64,
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
        let firsts = guarded.iter().fold(0, |mask, name| mask | first_bit(name));
        let blank = BlankHeaders::default();
        Self { names: Arc::new(names), authorization, blank, guarded, lengths, firsts }
    }

    /// With names that are nobody's to send.
    #[must_use]
    pub fn with_blank(self, blank: BlankHeaders) -> Self {
        Self { blank, ..self }
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
        let alike = self.lengths & length_bit(name) != 0 && self.firsts & first_bit(name) != 0;
        let may_be = alike || name.starts_with('i');
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

    /// Removes every field we own, and every blank one, from what a client sent; `Cookie` and `Authorization` as far as we set them.
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
        self.blank.strip(headers);
    }

    /// The edits that tell an application who the person is: identity fields always (empty where there is nothing to
    /// say), `Authorization` and `Cookie` only where there is.
    ///
    /// `other_cookies` are the client's cookies without ours; their buffer is used on, so that a check needs no second.
    pub fn edits(
        &self,
        person: IdentityRef<'_>,
        id_token: TokenText<'_>,
        other_cookies: Vec<u8>,
    ) -> HeaderEdits {
        let mut edits = EditsBuilder { text: other_cookies, spans: [None; MOST_EDITS], used: 0 };
        if !edits.text.is_empty() {
            edits.span(Field::Cookie, 0);
        }
        let size = person.user.len() + person.groups.len() + person.email.len() + id_token.len();
        edits.text.reserve(BEARER.len() + size);
        edits.set(Field::User, person.user);
        edits.set(Field::Group, person.groups);
        edits.set(Field::Email, person.email);
        edits.set_id_token(self.authorization, id_token);
        HeaderEdits { names: Arc::clone(&self.names), text: Bytes::from(edits.text), spans: edits.spans }
    }
}

const BEARER: &str = "Bearer ";

/// The fields a grant can set.
#[derive(Clone, Copy, Debug)]
enum Field {
    User,
    Group,
    Email,
    IdToken,
    Authorization,
    Cookie,
}

const MOST_EDITS: usize = 6;

impl Field {
    /// Secret values are not printed, and never kept in a compression table (RFC 7541 §7.1.3).
    fn is_secret(self) -> bool {
        matches!(self, Self::IdToken | Self::Authorization | Self::Cookie)
    }
}

impl IdentityHeaderNames {
    fn of(&self, field: Field) -> &HeaderName {
        match field {
            Field::User => &self.user,
            Field::Group => &self.group,
            Field::Email => &self.email,
            Field::IdToken => &self.id_token,
            Field::Authorization => &header::AUTHORIZATION,
            Field::Cookie => &header::COOKIE,
        }
    }
}

/// What is set on a request that passes; everything else we own is removed.
///
/// All values stand in one buffer, which the header values will share.
#[derive(Clone)]
pub struct HeaderEdits {
    names: Arc<IdentityHeaderNames>,
    text: Bytes,
    spans: [Option<(Field, u32, u32)>; MOST_EDITS],
}

impl HeaderEdits {
    /// The fields, each name once.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.spans.iter().flatten().map(|(field, start, end)| {
            let value = self.text.slice(*start as usize..*end as usize);
            // An identity holds no control character; were that broken, the field would be empty and the person nobody.
            let mut value =
                HeaderValue::from_maybe_shared(value).unwrap_or(const { HeaderValue::from_static("") });
            if field.is_secret() {
                value.set_sensitive(true);
            }
            (self.names.of(*field).clone(), value)
        })
    }
}

/// Names only: the values hold the ID token and cookies.
impl fmt::Debug for HeaderEdits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.spans.iter().flatten().map(|(field, ..)| self.names.of(*field));
        f.debug_list().entries(names).finish()
    }
}

struct EditsBuilder {
    text: Vec<u8>,
    spans: [Option<(Field, u32, u32)>; MOST_EDITS],
    used: usize,
}

impl EditsBuilder {
    fn set(&mut self, field: Field, value: &str) {
        let start = self.text.len();
        self.text.extend_from_slice(value.as_bytes());
        self.span(field, start);
    }

    /// The token stands once in the buffer, behind `Bearer `; both fields share it.
    fn set_id_token(&mut self, authorization: bool, id_token: TokenText<'_>) {
        let start = self.text.len();
        let bearer = authorization && !id_token.is_empty();
        if bearer {
            self.text.extend_from_slice(BEARER.as_bytes());
        }
        let token = self.text.len();
        id_token.write(&mut self.text);
        self.span(Field::IdToken, token);
        if bearer {
            self.span(Field::Authorization, start);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "no request is 4 GiB long")]
    fn span(&mut self, field: Field, start: usize) {
        if let Some(span) = self.spans.get_mut(self.used) {
            *span = Some((field, start as u32, self.text.len() as u32));
            self.used += 1;
        }
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

fn first_bit(name: &str) -> u64 {
    1 << (name.bytes().next().map_or(0, fold) & 63)
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
