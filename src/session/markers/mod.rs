//! Marker cookies: login transaction, `state` of a sign-out, loop marker and reload counter
//!
//! Only login transactions are sealed. The other markers protect nothing: a browser that changes one shows a page
//! more or less.

mod login;
mod sign_out;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use self::login::LoginCookies;
use super::codec::seal::KeyRing;
use super::cookie::{Names, pairs, tag};
use crate::access::origin::{Origin, Origins};
use crate::access::return_to::ReturnTo;
use crate::flow::ports::{Entropy, LoginTransaction, LoopMarker, Markers, NoEntropy, ReloadCount, UnixTime};

/// A redirect loop passes from one sign-in to the next within this time; a user who clicks takes longer.
const LOOP_MARKER_SECONDS: u64 = 4;
/// Reloads that are further apart are not a loop.
const RELOAD_COUNT_SECONDS: u64 = 10;

/// Markers in cookies.
pub struct MarkerCookies {
    logins: LoginCookies,
}

impl MarkerCookies {
    /// Markers for the public origins; `client` is the issuer and the client ID.
    pub fn new(
        keys: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
        origins: Origins,
        client: (&str, &str),
    ) -> Self {
        Self { logins: LoginCookies::new(keys, entropy, origins, client) }
    }
}

/// Returns the two parts of a marker's value, which a dot separates.
fn parts<'h>(headers: &'h HeaderMap, name: &str) -> Option<(&'h str, &'h str)> {
    let (_, value) = pairs(headers).find(|(found, _)| *found == name.as_bytes())?;
    std::str::from_utf8(value).ok()?.split_once('.')
}

impl Markers for MarkerCookies {
    fn keep_login(
        &self,
        transaction: &LoginTransaction,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy> {
        self.logins.keep(transaction, headers, origin, now)
    }

    fn take_login(
        &self,
        state: &str,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Option<LoginTransaction> {
        self.logins.take(state, headers, origin, now)
    }

    fn forget_login(&self, state: &str, origin: &Origin) -> Option<HeaderValue> {
        LoginCookies::forget(state, origin)
    }

    fn loop_marker(&self, headers: &HeaderMap, origin: &Origin, return_to: &ReturnTo) -> Option<LoopMarker> {
        let (times, place) = parts(headers, &Names::of(origin).loop_marker())?;
        Some(LoopMarker { times: times.parse().ok()?, here: place == tag(return_to.as_str()) })
    }

    fn set_loop_marker(&self, times: u8, return_to: &ReturnTo, origin: &Origin) -> Option<HeaderValue> {
        let names = Names::of(origin);
        names.set(&names.loop_marker(), &format!("{times}.{}", tag(return_to.as_str())), LOOP_MARKER_SECONDS)
    }

    fn clear_loop_marker(&self, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue> {
        let names = Names::of(origin);
        let name = names.loop_marker();
        let carried = pairs(headers).any(|(found, _)| found == name.as_bytes());
        carried.then(|| names.remove(&name)).flatten()
    }

    fn keep_sign_out_state(&self, state: &str, origin: &Origin) -> Option<HeaderValue> {
        sign_out::keep(state, origin)
    }

    fn sign_out_state(&self, headers: &HeaderMap, origin: &Origin) -> Option<String> {
        sign_out::state(headers, origin)
    }

    fn finish_sign_out(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue> {
        sign_out::finish(state, headers, origin)
    }

    fn reload_count(&self, headers: &HeaderMap, origin: &Origin) -> Option<ReloadCount> {
        let (times, at) = parts(headers, &Names::of(origin).reload_counter())?;
        Some(ReloadCount { times: times.parse().ok()?, at: UnixTime(at.parse().ok()?) })
    }

    fn set_reload_count(&self, count: ReloadCount, origin: &Origin) -> Option<HeaderValue> {
        let names = Names::of(origin);
        names.set(&names.reload_counter(), &format!("{}.{}", count.times, count.at.0), RELOAD_COUNT_SECONDS)
    }
}
