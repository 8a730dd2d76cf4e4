//! Cookie names and attributes, and recognition of our cookies in a request
//!
//! Over https a name begins with `__Host-`. A browser accepts such a cookie only from this host, over TLS and for the
//! whole path (RFC 6265bis §4.1.3.2), so no sibling host can set one. On loopback over http the name has no prefix.
//!
//! If the hosts of a domain share the session, its name begins with `__Secure-` instead. Browsers then send it to every
//! host of the domain, and each of these hosts can set another session of ours. A request with both cookies has no
//! session. If the other cookie replaces the right one, it is accepted.

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};
use memchr::{memchr, memchr_iter, memrchr};

use super::codec::seal::MAX_PARTS;
use crate::access::origin::Origin;

const HOST_PREFIX: &str = "__Host-";
const SECURE_PREFIX: &str = "__Secure-";
const SESSION: &str = "foregate";
const LOGIN: &str = "foregate-login-";
const LOOP_MARKER: &str = "foregate-landed";
const RELOAD_COUNTER: &str = "foregate-reloads";

/// Maximum number of characters in one cookie. With its name and attributes, a cookie stays below the 4096 bytes that
/// browsers keep (RFC 6265bis §5.7). A multiple of four, so that each part can be decoded separately.
pub const PART_LEN: usize = 3900;

/// Initial capacity. It leaves room for what a check appends, so that most checks allocate once.
const COOKIE_BUFFER_BYTES: usize = 4096;

/// Appends a cookie to one `Cookie` value.
pub(super) fn add_cookie(cookies: &mut Vec<u8>, member: &[u8]) {
    if cookies.is_empty() {
        cookies.reserve(COOKIE_BUFFER_BYTES);
    } else {
        cookies.extend_from_slice(b"; ");
    }
    cookies.extend_from_slice(member);
}

/// The cookie names of an origin.
#[derive(Clone, Debug)]
pub struct Names {
    secure: bool,
    domain: Option<String>,
    parts: [String; MAX_PARTS],
}

impl Names {
    /// The names of an origin's own cookies.
    pub fn of(origin: &Origin) -> Self {
        Self::for_sessions(origin, None)
    }

    /// The names of the cookies that carry an origin's sessions. The hosts of `domain` share them.
    pub fn for_sessions(origin: &Origin, domain: Option<&str>) -> Self {
        let secure = origin.is_secure();
        let prefix = if domain.is_some() && secure { SECURE_PREFIX } else { prefix(secure) };
        let first = format!("{prefix}{SESSION}");
        let name = |index: usize| if index == 0 { first.clone() } else { format!("{first}-{index}") };
        Self { secure, domain: domain.map(str::to_owned), parts: std::array::from_fn(name) }
    }

    /// The name of the first session cookie. The names of the other parts begin with it.
    pub fn session(&self) -> &str {
        self.parts.first().map_or(SESSION, String::as_str)
    }

    /// The names of the session's parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(String::as_str)
    }

    /// The name of a login transaction's cookie.
    pub fn login(&self, tag: &str) -> String {
        format!("{}{LOGIN}{tag}", prefix(self.secure))
    }

    /// The name of the loop marker, which a sign-in sets for some seconds.
    pub fn loop_marker(&self) -> String {
        format!("{}{LOOP_MARKER}", prefix(self.secure))
    }

    /// The name of the reload counter.
    pub fn reload_counter(&self) -> String {
        format!("{}{RELOAD_COUNTER}", prefix(self.secure))
    }

    /// The tag in a login cookie's name.
    pub fn login_tag<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(prefix(self.secure))?.strip_prefix(LOGIN)
    }

    /// Returns the `Set-Cookie` value of a cookie that expires after `seconds`.
    pub fn set(&self, name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
        let seconds = Duration::seconds(i64::try_from(seconds).ok()?);
        let mut cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .max_age(seconds);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain);
        }
        HeaderValue::try_from(cookie.to_string()).ok()
    }

    /// Returns the `Set-Cookie` value that removes a cookie.
    pub fn remove(&self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", 0)
    }

    /// Returns the cookies of a session with these parts. They remove the other parts of an older session.
    pub fn replace_parts<'p>(
        &self,
        headers: &HeaderMap,
        parts: impl IntoIterator<Item = &'p str>,
        seconds: u64,
    ) -> Vec<HeaderValue> {
        let mut parts = parts.into_iter();
        let cookies = self.parts().zip(self.carried_parts(headers)).filter_map(|(name, is_carried)| {
            match parts.next() {
                Some(part) => self.set(name, part, seconds),
                None => is_carried.then(|| self.remove(name)).flatten(),
            }
        });
        cookies.collect()
    }

    /// Returns the cookies that remove a session: the first part in any case, and the others that the request carries.
    pub fn remove_parts(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let carried = self.parts().zip(self.carried_parts(headers)).enumerate();
        carried
            .filter_map(|(index, (name, is_carried))| {
                (index == 0 || is_carried).then(|| self.remove(name)).flatten()
            })
            .collect()
    }

    /// Returns which parts a request carries. If one came twice, each of them may be there.
    fn carried_parts(&self, headers: &HeaderMap) -> [bool; MAX_PARTS] {
        self.session_parts(headers).map_or([true; MAX_PARTS], |parts| parts.map(|part| part.is_some()))
    }

    /// Returns the values of the session's parts in a request, or `None` if one part came twice.
    pub fn session_parts<'h>(&self, headers: &'h HeaderMap) -> Option<[Option<&'h [u8]>; MAX_PARTS]> {
        self.split_ours_from_others(headers, |_| ())
    }

    /// Like [`Self::session_parts`], and calls `other` with every cookie that is not ours, in the same pass.
    pub fn split_ours_from_others<'h>(
        &self,
        headers: &'h HeaderMap,
        mut other: impl FnMut(&'h [u8]),
    ) -> Option<[Option<&'h [u8]>; MAX_PARTS]> {
        let mut found = [None; MAX_PARTS];
        let mut is_duplicate = false;
        for member in members(headers) {
            if !may_be_ours(member) {
                other(before_joined(member));
            } else if let Some((index, value)) = self.part(member) {
                is_duplicate |= found.get_mut(index)?.replace(value).is_some();
            } else if !is_ours(member) {
                other(before_joined(member));
            }
        }
        (!is_duplicate).then_some(found)
    }

    fn part<'h>(&self, member: &'h [u8]) -> Option<(usize, &'h [u8])> {
        parse_part(member.strip_prefix(self.session().as_bytes())?)
    }
}

/// Reads the index of a part and its value from the text after the session cookie's name.
fn parse_part(rest: &[u8]) -> Option<(usize, &[u8])> {
    let (index, rest) = match rest {
        [b'-', digit @ b'1'..=b'3', rest @ ..] => (usize::from(digit - b'0'), rest),
        rest => (0, rest),
    };
    match rest.trim_ascii_start() {
        [b'=', value @ ..] => Some((index, value.trim_ascii_start())),
        _ => None,
    }
}

fn prefix(secure: bool) -> &'static str {
    if secure { HOST_PREFIX } else { "" }
}

/// Returns a cookie without a cookie of the gateway that a proxy joined to it with a comma, and without what follows.
fn before_joined(member: &[u8]) -> &[u8] {
    if memchr(b',', member).is_none() {
        return member;
    }
    // A joined cookie has a `=` behind the comma. A client can send 32,000 commas, so no comma causes another scan.
    let Some(last_equals) = memrchr(b'=', member) else { return member };
    let is_join = |comma: &usize| is_ours(member.get(comma + 1..).unwrap_or_default().trim_ascii_start());
    let mut commas = memchr_iter(b',', member).take_while(|comma| *comma < last_equals);
    let end = commas.find(is_join).unwrap_or(member.len());
    member.get(..end).unwrap_or_default()
}

/// The first character rules out most cookies, at a fraction of the cost of a comparison.
fn may_be_ours(member: &[u8]) -> bool {
    let first = member.first();
    first == HOST_PREFIX.as_bytes().first() || first == SESSION.as_bytes().first()
}

/// Whether a cookie is one of ours, with or without a prefix. No application receives such a cookie.
pub(super) fn is_ours(member: &[u8]) -> bool {
    let prefixes = [HOST_PREFIX, SECURE_PREFIX].map(str::as_bytes);
    let name = prefixes.iter().find_map(|prefix| member.strip_prefix(*prefix)).unwrap_or(member);
    let Some(rest) = name.strip_prefix(SESSION.as_bytes()) else { return false };
    parse_part(rest).is_some()
        || name.starts_with(LOGIN.as_bytes())
        || rest.is_empty()
        || [LOOP_MARKER, RELOAD_COUNTER].iter().any(|marker| is_named(name, marker))
}

/// Returns whether a cookie has that name, also without a value.
fn is_named(member: &[u8], name: &str) -> bool {
    let rest = member.strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| matches!(rest.trim_ascii_start(), [] | [b'=', ..]))
}

/// The cookies of a request as names and values, in order (RFC 6265 §4.2.1).
pub fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    members(headers).map(|member| match memchr(b'=', member) {
        Some(equals) => {
            let (name, value) = member.split_at(equals);
            (name.trim_ascii_end(), value.get(1..).unwrap_or_default().trim_ascii_start())
        }
        None => (&[][..], member),
    })
}

/// A short hash of a text, from which the text cannot be derived.
pub(super) fn tag(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode_to_string(hash.as_ref().get(..8).unwrap_or_default())
}

/// The members of the `Cookie` fields, which `;` separates. No cookie value may contain it.
fn members(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(header::COOKIE).iter().flat_map(|value| {
        let line = value.as_bytes();
        let mut start = 0;
        memchr_iter(b';', line).chain([line.len()]).filter_map(move |end| {
            let member = line.get(start..end).unwrap_or_default().trim_ascii();
            start = end + 1;
            (!member.is_empty()).then_some(member)
        })
    })
}

#[cfg(test)]
mod tests;
