//! Login transactions in cookies
//!
//! 1. Each transaction is sealed in a cookie of its own, named after its `state`. So parallel tabs all succeed, and an
//!    abandoned sign-in uses no memory of the server.
//! 2. A transaction expires after ten minutes, even if the browser keeps its cookie.
//! 3. A transaction accepts one authentication response. A repeated response has no transaction.
//! 4. A browser keeps at most five transactions, of 4 KB together. Cookies that do not open are removed first, then the
//!    oldest.

mod used;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use self::used::AnsweredLogins;
use super::super::codec::seal::{Binding, KeyRing, Purpose, decode_whole};
use super::super::cookie::{Names, pairs, tag};
use crate::access::origin::{Origin, Origins};
use crate::access::return_to::ReturnTo;
use crate::flow::ports::{Entropy, IssuerIndex, LoginTransaction, NoEntropy, UnixTime};
use crate::secret::Secret;

const LIFETIME: Duration = Duration::from_mins(10);
const MAX_TRANSACTIONS: usize = 5;
const MAX_BYTES: usize = 4096;
/// Proxies reject a response with a long head (nginx at 4 KiB). The cookies left over are removed at the next sign-ins.
const MAX_REMOVED_COOKIES: usize = 20;

#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    begun_at: u64,
    issuer: u16,
    state: &'a str,
    nonce: &'a str,
    code_verifier: &'a str,
    return_to: &'a str,
}

/// Login transactions in cookies.
pub(super) struct LoginCookies {
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    origins: Origins,
    issuer: String,
    client_id: String,
    answered: AnsweredLogins,
}

impl LoginCookies {
    /// A store for the public origins.
    pub(super) fn new(
        keys: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
        origins: Origins,
        client: (&str, &str),
    ) -> Self {
        let (issuer, client_id) = (client.0.to_owned(), client.1.to_owned());
        Self { keys, entropy, origins, issuer, client_id, answered: AnsweredLogins::default() }
    }

    fn binding(&self, name: &str, origin: &Origin) -> Binding {
        Binding::new(Purpose::Login, name, origin.as_str(), &self.issuer, &self.client_id)
    }

    fn open<T>(
        &self,
        (name, value): (&str, &[u8]),
        origin: &Origin,
        read: impl FnOnce(Sealed<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut bytes = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode_to_vec(value).ok()?);
        let opened = self.keys.open(&self.binding(name, origin), 1, &mut bytes)?;
        read(decode_whole(opened)?)
    }

    /// Returns when each login cookie of a request began, its name and its length, oldest first. A cookie that does
    /// not open counts as the oldest.
    fn carried_logins<'h>(
        &self,
        headers: &'h HeaderMap,
        origin: &Origin,
        names: &Names,
    ) -> Vec<(u64, &'h str, usize)> {
        let mut logins: Vec<(u64, &str, usize)> = pairs(headers)
            .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
            .filter(|(name, _)| names.login_tag(name).is_some())
            .take(100)
            .map(|(name, value)| {
                let begun_at = self.open((name, value), origin, |sealed| Some(sealed.begun_at));
                (begun_at.unwrap_or(0), name, name.len() + value.len())
            })
            .collect();
        logins.sort_unstable();
        logins
    }
}

fn hash_state(state: &str) -> Option<used::StateHash> {
    digest(&SHA256, state.as_bytes()).as_ref().first_chunk().copied()
}

impl LoginCookies {
    /// As [`Markers::keep_login`](crate::flow::ports::Markers::keep_login).
    pub(super) fn keep(
        &self,
        transaction: &LoginTransaction,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy> {
        let names = Names::of(origin);
        let name = names.login(&tag(&transaction.state));
        let sealed = Sealed {
            begun_at: now.0,
            issuer: transaction.issuer.0,
            state: &transaction.state,
            nonce: transaction.nonce.expose(),
            code_verifier: transaction.code_verifier.expose(),
            return_to: transaction.return_to.as_str(),
        };
        let plaintext = zeroize::Zeroizing::new(postcard::to_stdvec(&sealed).unwrap_or_default());
        let value = self.keys.seal(&self.binding(&name, origin), 1, &plaintext, &*self.entropy)?;
        let value = URL_SAFE_NO_PAD.encode_to_string(value);
        let mut room = MAX_BYTES.saturating_sub(name.len() + value.len());
        let mut free = MAX_TRANSACTIONS - 1;
        let mut cookies: Vec<HeaderValue> =
            names.set(&name, &value, LIFETIME.as_secs()).into_iter().collect();
        for (_, old, bytes) in self.carried_logins(headers, origin, &names).into_iter().rev() {
            if free > 0 && bytes <= room {
                free -= 1;
                room -= bytes;
            } else {
                cookies.extend(names.remove(old));
                (free, room) = (0, 0);
            }
        }
        cookies.truncate(1 + MAX_REMOVED_COOKIES);
        Ok(cookies)
    }

    /// As [`Markers::take_login`](crate::flow::ports::Markers::take_login).
    pub(super) fn take(
        &self,
        state: &str,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Option<LoginTransaction> {
        let name = Names::of(origin).login(&tag(state));
        let mut values = pairs(headers).filter(|(found, _)| *found == name.as_bytes());
        let (value, another) = (values.next()?.1, values.next());
        if another.is_some() {
            return None;
        }
        self.open((&name, value), origin, |sealed| {
            let is_same = verify_slices_are_equal(sealed.state.as_bytes(), state.as_bytes()).is_ok();
            let expires_at = UnixTime(sealed.begun_at).plus(LIFETIME);
            let is_usable =
                is_same && now < expires_at && self.answered.record_use(hash_state(state)?, now, expires_at);
            is_usable.then(|| LoginTransaction {
                issuer: IssuerIndex(sealed.issuer),
                state: state.to_owned(),
                nonce: Secret::new(sealed.nonce),
                code_verifier: Secret::new(sealed.code_verifier),
                // Validated again, because the origins may have changed since.
                return_to: ReturnTo::parse(sealed.return_to, origin, &self.origins)
                    .unwrap_or_else(|| ReturnTo::home(origin)),
            })
        })
    }

    /// As [`Markers::forget_login`](crate::flow::ports::Markers::forget_login).
    pub(super) fn forget(state: &str, origin: &Origin) -> Option<HeaderValue> {
        let names = Names::of(origin);
        names.remove(&names.login(&tag(state)))
    }
}

#[cfg(test)]
mod tests;
