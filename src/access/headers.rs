//! The header fields that the gateway owns, and their values.
//!
//! One table serves both ways. What we own
//!
//! 1. is refused if a client names it by an alias ([`super::field_names`]), or in `Connection`, which would have it
//!    removed on the way;
//! 2. is removed from what the client sent, if we are the proxy ([`OwnedHeaders::strip`]), as are the names under which
//!    other gateways pass an identity on;
//! 3. is set from the session alone ([`OwnedHeaders::edits`]).
//!
//! We own the four identity fields, `Cookie` (returned without our cookies), everything that begins with
//! `Impersonate-`, and, if configured, `Authorization`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use thiserror::Error;

use super::blank::BlankHeaders;
use super::field_names::{FORWARDED, NameSet, has_prefix, members, remove_fields};
use super::identity::IdentityRef;
use super::token::TokenText;

const IMPERSONATE: &str = "impersonate-";

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
    guarded: NameSet,
}

/// A client used another spelling of a header field that is ours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the request carries the header {0}, an alias of one that only the gateway may set")]
pub struct Alias(pub String);

impl OwnedHeaders {
    /// Builds the table; `authorization` says whether `Authorization: Bearer` with the ID token is ours too.
    pub fn new(names: IdentityHeaderNames, authorization: bool) -> Self {
        let mut guarded = NameSet::default();
        guarded.insert_prefix(IMPERSONATE);
        let owned = [&names.user, &names.group, &names.email, &names.id_token, &header::COOKIE];
        // Only the proxy sets the forwarded fields: an alias of one is as forged as an alias of ours.
        for name in owned.into_iter().chain(&FORWARDED) {
            guarded.insert(name.as_str());
        }
        if authorization {
            guarded.insert(header::AUTHORIZATION.as_str());
        }
        Self { names: Arc::new(names), authorization, blank: BlankHeaders::default(), guarded }
    }

    /// With names that are nobody's to send.
    #[must_use]
    pub fn with_blank(self, blank: BlankHeaders) -> Self {
        Self { blank, ..self }
    }

    /// Refuses a request that names one of them by an alias, or in `Connection`.
    pub fn guard(&self, headers: &HeaderMap) -> Result<(), Alias> {
        for name in headers.keys() {
            if self.guarded.has_alias(name.as_str()) {
                return Err(Alias(name.as_str().to_owned()));
            }
            if *name == header::CONNECTION {
                self.guard_connection(headers)?;
            }
        }
        Ok(())
    }

    fn guard_connection(&self, headers: &HeaderMap) -> Result<(), Alias> {
        let named = members(headers, &header::CONNECTION).find(|name| self.guarded.matches(name));
        named.map_or(Ok(()), |name| Err(Alias(format!("Connection: {}", String::from_utf8_lossy(name)))))
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
        remove_fields(headers, |name| has_prefix(name, IMPERSONATE));
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

#[cfg(test)]
mod tests;
