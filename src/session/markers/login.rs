//! Login transactions in cookies
//!
//! 1. In the browser: each transaction is sealed in a cookie of its own, named after its `state`, so that parallel tabs
//!    all succeed and an abandoned sign-in costs the server nothing.
//! 2. It is over after ten minutes, whatever the browser thinks.
//! 3. It is answered once; the answer again is an answer to nothing.
//! 4. At most five are kept, and 4 KB in all: the oldest go first, what does not open goes before them.

mod used;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use self::used::Used;
use super::super::codec::seal::{Binding, KeyRing, Purpose, whole};
use super::super::cookie::{Names, pairs, tag};
use crate::access::origin::{Origin, Origins};
use crate::access::return_to::ReturnTo;
use crate::flow::ports::{Entropy, IssuerIndex, LoginTransaction, NoEntropy, UnixTime};
use crate::secret::Secret;

const LIFETIME: Duration = Duration::from_mins(10);
const MAX_TRANSACTIONS: usize = 5;
const MAX_BYTES: usize = 4096;
/// Proxies refuse an answer whose head is long (nginx one of 4 KiB): what is over is removed at the next sign-ins.
const MAX_REMOVED: usize = 20;

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
    used: Used,
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
        Self { keys, entropy, origins, issuer, client_id, used: Used::default() }
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
        read(whole(opened)?)
    }

    /// The login cookies of a request with their begin, oldest first; what does not open counts as the oldest.
    fn kept<'h>(&self, headers: &'h HeaderMap, origin: &Origin, names: &Names) -> Vec<(u64, &'h str, usize)> {
        let mut kept: Vec<(u64, &str, usize)> = pairs(headers)
            .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
            .filter(|(name, _)| names.login_tag(name).is_some())
            .take(100)
            .map(|(name, value)| {
                let begun_at = self.open((name, value), origin, |sealed| Some(sealed.begun_at));
                (begun_at.unwrap_or(0), name, name.len() + value.len())
            })
            .collect();
        kept.sort_unstable();
        kept
    }
}

fn mark(state: &str) -> Option<used::Mark> {
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
        let mut places = MAX_TRANSACTIONS - 1;
        let mut cookies: Vec<HeaderValue> =
            names.set(&name, &value, LIFETIME.as_secs()).into_iter().collect();
        for (_, old, bytes) in self.kept(headers, origin, &names).into_iter().rev() {
            if places > 0 && bytes <= room {
                places -= 1;
                room -= bytes;
            } else {
                cookies.extend(names.remove(old));
                (places, room) = (0, 0);
            }
        }
        cookies.truncate(1 + MAX_REMOVED);
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
            let same = verify_slices_are_equal(sealed.state.as_bytes(), state.as_bytes()).is_ok();
            let over = UnixTime(sealed.begun_at).plus(LIFETIME);
            let usable = same && now < over && self.used.is_first(mark(state)?, now, over);
            usable.then(|| LoginTransaction {
                issuer: IssuerIndex(sealed.issuer),
                state: state.to_owned(),
                nonce: Secret::new(sealed.nonce),
                code_verifier: Secret::new(sealed.code_verifier),
                // Checked again: the list of origins may have changed since.
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
