//! Header fields that the gateway owns, and their values
//!
//! One table serves for rejecting, setting and removing. An owned field
//!
//! 1. is rejected if a client sends an alias of it ([`super::field_names`]), or names it in `Connection`, because a
//!    proxy would then remove it;
//! 2. is set from the session alone ([`OwnedHeaders::edits`]);
//! 3. is removed from the client's request if it is not set ([`HeaderEdits::removals`]). So are the identity fields
//!    of other gateways. Trailers lose all of them ([`OwnedHeaders::strip`]).
//!
//! The gateway owns the four identity headers, `Cookie` (returned without its own cookies), every name that begins
//! with `Impersonate-`, and, if configured, `Authorization`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::field_names::{FORWARDED, NameSet, alias_spellings, has_prefix, members, remove_fields};
use super::identity::IdentityRef;
use super::refused_fields::{Alias, ForeignField};
use super::stripped::StrippedHeaders;
use super::token::TokenText;

const IMPERSONATE: &str = "impersonate-";
/// The maximum length of all aliases of one name, in bytes. With four names, the list fits into every documented proxy.
pub const MAX_ALIAS_BYTES: usize = 8 * 1024;

/// The names of the identity headers.
#[derive(Clone, Debug)]
pub struct IdentityHeaderNames {
    /// The user name.
    pub user: HeaderName,
    /// The groups, joined with commas.
    pub group: HeaderName,
    /// The e-mail address.
    pub email: HeaderName,
    /// The ID token as the provider signed it.
    pub id_token: HeaderName,
}

/// The table of owned header fields. Clones share it.
#[derive(Clone, Debug)]
pub struct OwnedHeaders(Arc<Table>);

#[derive(Clone, Debug)]
struct Table {
    names: IdentityHeaderNames,
    authorization: bool,
    stripped: StrippedHeaders,
    guarded: NameSet,
    aliases: Option<HeaderValue>,
}

impl Table {
    /// The owned fields that have one exact name.
    fn fields(&self) -> impl Iterator<Item = Field> {
        const ALWAYS: [Field; 5] = [Field::User, Field::Group, Field::Email, Field::IdToken, Field::Cookie];
        ALWAYS.into_iter().chain(self.authorization.then_some(Field::Authorization))
    }

    fn is_impersonation_or_stripped(&self, name: &str) -> bool {
        has_prefix(name, IMPERSONATE) || self.stripped.matches(name)
    }
}

impl OwnedHeaders {
    /// Builds the table. If `authorization` is set, the gateway also owns `Authorization` and sends the ID token in
    /// it.
    pub fn new(names: IdentityHeaderNames, authorization: bool) -> Self {
        let mut guarded = NameSet::default();
        guarded.insert_prefix(IMPERSONATE);
        let stripped = StrippedHeaders::default();
        let mut table = Table { names, authorization, stripped, guarded, aliases: None };
        let owned: Vec<_> = table.fields().map(|field| table.names.of(field).clone()).collect();
        table.aliases = list_aliases(owned.iter().map(HeaderName::as_str));
        // Only the proxy sets the forwarded fields, so an alias of them is forged, too.
        for name in owned.iter().chain(&FORWARDED) {
            table.guarded.insert(name.as_str());
        }
        Self(Arc::new(table))
    }

    /// Adds names that no client may send.
    #[must_use]
    pub fn with_stripped(self, stripped: StrippedHeaders) -> Self {
        Self(Arc::new(Table { stripped, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Rejects a request with an alias of an owned or forwarded field, or with such a name in `Connection`.
    pub fn guard(&self, headers: &HeaderMap) -> Result<(), Alias> {
        for name in headers.keys() {
            if self.0.guarded.has_alias(name.as_str()) {
                return Err(Alias(name.as_str().to_owned()));
            }
            if *name == header::CONNECTION {
                self.guard_connection(headers)?;
            }
        }
        Ok(())
    }

    /// Rejects a request with a field that begins with `Impersonate-`, or with an identity field of another gateway.
    ///
    /// For a proxy that removes fields only by their whole names.
    pub fn guard_foreign(&self, headers: &HeaderMap) -> Result<(), ForeignField> {
        let foreign = headers.keys().find(|name| self.0.is_impersonation_or_stripped(name.as_str()));
        foreign.map_or(Ok(()), |name| Err(ForeignField(name.clone())))
    }

    fn guard_connection(&self, headers: &HeaderMap) -> Result<(), Alias> {
        let named = members(headers, &header::CONNECTION)
            .find(|name| self.0.guarded.matches(name) || self.0.stripped.matches(name));
        named.map_or(Ok(()), |name| Err(Alias(format!("Connection: {}", String::from_utf8_lossy(name)))))
    }

    /// Removes each owned and each stripped field from the fields of a client. The field `Authorization` is removed
    /// only if it is owned.
    pub fn strip(&self, headers: &mut HeaderMap) {
        for field in self.0.fields() {
            headers.remove(self.0.names.of(field));
        }
        remove_fields(headers, |name| self.0.is_impersonation_or_stripped(name));
    }

    /// Returns the edits that give an application the identity of the user.
    ///
    /// The identity headers are always set, empty if there is no value. The fields `Authorization` and `Cookie` are
    /// set only if there is a value.
    ///
    /// The argument `other_cookies` has the client's cookies without the gateway's own. The result reuses its buffer,
    /// so that a check needs no second one.
    pub fn edits(
        &self,
        user: IdentityRef<'_>,
        id_token: TokenText<'_>,
        other_cookies: Vec<u8>,
    ) -> HeaderEdits {
        let mut edits = EditsBuilder { text: other_cookies, spans: [None; MAX_EDITS], used: 0 };
        if !edits.text.is_empty() {
            edits.push_span(Field::Cookie, 0);
        }
        let size = user.user.len() + user.groups.len() + user.email.len() + id_token.len();
        edits.text.reserve(BEARER.len() + size);
        edits.set(Field::User, user.user);
        edits.set(Field::Group, user.groups);
        edits.set(Field::Email, user.email);
        edits.set_id_token(self.0.authorization, id_token);
        HeaderEdits { table: Arc::clone(&self.0), text: Bytes::from(edits.text), spans: edits.spans }
    }
}

/// Lists the aliases of these names, and the names that begin with `Impersonate-` with theirs.
///
/// A name with more than [`MAX_ALIAS_BYTES`] of aliases is left out; the configuration warns of it.
fn list_aliases<'n>(owned: impl Iterator<Item = &'n str>) -> Option<HeaderValue> {
    const IMPERSONATION: [&str; 3] = ["impersonate-user", "impersonate-group", "impersonate-uid"];
    let mut names: Vec<String> = IMPERSONATION.map(str::to_owned).into();
    for name in owned.chain(IMPERSONATION) {
        names.extend(alias_spellings(name, MAX_ALIAS_BYTES).unwrap_or_default());
    }
    HeaderValue::try_from(names.join(",")).ok()
}

const BEARER: &str = "Bearer ";

/// The fields that a grant can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    User,
    Group,
    Email,
    IdToken,
    Authorization,
    Cookie,
}

const MAX_EDITS: usize = 6;

impl Field {
    /// Returns whether the value is secret: never printed, and never stored in a compression table (RFC 7541 §7.1.3).
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

/// The fields that are set on a request that passes. Each other owned field is removed.
///
/// All values are in one buffer, which the header values share.
#[derive(Clone)]
pub struct HeaderEdits {
    table: Arc<Table>,
    text: Bytes,
    spans: [Option<(Field, u32, u32)>; MAX_EDITS],
}

impl HeaderEdits {
    /// Returns the fields, each name once.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.spans.iter().flatten().map(|(field, start, end)| {
            let value = self.text.slice(*start as usize..*end as usize);
            // An identity contains no control character. If it did, the field would be empty: no user, rather than
            // another.
            let mut value =
                HeaderValue::from_maybe_shared(value).unwrap_or(const { HeaderValue::from_static("") });
            if field.is_secret() {
                value.set_sensitive(true);
            }
            (self.table.names.of(*field).clone(), value)
        })
    }

    /// Returns the names to remove from a request that came with these fields.
    ///
    /// 1. An owned field that is not set here is always among them, because a dialect may not see the client's field.
    /// 2. `Impersonate-*` and stripped fields are named as the client spelled them.
    /// 3. A field that is set here is never among them, because some proxies remove fields after they set others.
    pub fn removals(&self, client: &HeaderMap) -> Vec<HeaderName> {
        let names = &self.table.names;
        let is_set = |wanted: Field| self.spans.iter().flatten().any(|(field, ..)| *field == wanted);
        let unset = self.table.fields().filter(|field| !is_set(*field)).map(|field| names.of(field));
        let is_named = |name: &HeaderName| self.table.fields().any(|field| names.of(field) == name);
        let sent = client.keys().filter(|name| self.table.is_impersonation_or_stripped(name.as_str()));
        unset.chain(sent.filter(|name| !is_named(name))).cloned().collect()
    }

    /// Returns a list of the aliases of all owned names, and of the fixed names that begin with `Impersonate-`.
    pub fn aliases(&self) -> Option<HeaderValue> {
        self.table.aliases.clone()
    }
}

/// Prints only the names, because the values contain the ID token and cookies.
impl fmt::Debug for HeaderEdits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.spans.iter().flatten().map(|(field, ..)| self.table.names.of(*field));
        f.debug_list().entries(names).finish()
    }
}

struct EditsBuilder {
    text: Vec<u8>,
    spans: [Option<(Field, u32, u32)>; MAX_EDITS],
    used: usize,
}

impl EditsBuilder {
    fn set(&mut self, field: Field, value: &str) {
        let start = self.text.len();
        self.text.extend_from_slice(value.as_bytes());
        self.push_span(field, start);
    }

    /// Sets both fields from one copy of the token in the buffer, after `Bearer `.
    fn set_id_token(&mut self, authorization: bool, id_token: TokenText<'_>) {
        let start = self.text.len();
        let bearer = authorization && !id_token.is_empty();
        if bearer {
            self.text.extend_from_slice(BEARER.as_bytes());
        }
        let token = self.text.len();
        id_token.write(&mut self.text);
        self.push_span(Field::IdToken, token);
        if bearer {
            self.push_span(Field::Authorization, start);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "no request is 4 GiB long")]
    fn push_span(&mut self, field: Field, start: usize) {
        if let Some(span) = self.spans.get_mut(self.used) {
            *span = Some((field, start as u32, self.text.len() as u32));
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests;
