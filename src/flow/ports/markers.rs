//! The port to marker cookies: short-lived cookies other than the session
//!
//! A browser keeps them for seconds or minutes.

use http::{HeaderMap, HeaderValue};

use super::provider::IssuerIndex;
use super::{NoEntropy, UnixTime};
use crate::access::origin::Origin;
use crate::access::return_to::ReturnTo;
use crate::secret::Secret;

/// One attempt to sign in, from `/oauth2/start` to the callback.
pub struct LoginTransaction {
    /// The issuer that the user was redirected to.
    pub issuer: IssuerIndex,
    /// `state`, which the provider must return.
    pub state: String,
    /// `nonce`, which the ID token must contain.
    pub nonce: Secret,
    /// The PKCE verifier.
    pub code_verifier: Secret,
    /// The return URL.
    pub return_to: ReturnTo,
}

/// The marker of a sign-in that ended seconds ago, by which a redirect loop is detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopMarker {
    /// The number of returns from the sign-in so far.
    pub times: u8,
    /// Whether the last return was to the page that the browser requests now.
    pub here: bool,
}

/// The page reloads within the last seconds that led to no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadCount {
    /// The number of reloads.
    pub times: u8,
    /// The time of the last reload.
    pub at: UnixTime,
}

/// Marker cookies. Values returned as `HeaderValue` are `Set-Cookie` values for the response.
pub trait Markers: Send + Sync {
    /// Stores a login transaction, and removes the oldest ones if there are too many.
    fn keep_login(
        &self,
        transaction: &LoginTransaction,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Vec<HeaderValue>, NoEntropy>;

    /// Takes the transaction of a `state`, if this browser began it and it has not expired. Returns it once.
    fn take_login(
        &self,
        state: &str,
        headers: &HeaderMap,
        origin: &Origin,
        now: UnixTime,
    ) -> Option<LoginTransaction>;

    /// Removes the transaction of a `state`.
    fn forget_login(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;

    /// Returns the marker of a sign-in that ended some seconds ago.
    fn loop_marker(&self, headers: &HeaderMap, origin: &Origin, return_to: &ReturnTo) -> Option<LoopMarker>;

    /// Sets the loop marker.
    fn set_loop_marker(&self, times: u8, return_to: &ReturnTo, origin: &Origin) -> Option<HeaderValue>;

    /// Removes the loop marker, if the request carries one.
    fn clear_loop_marker(&self, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue>;

    /// Stores the `state` of a sign-out (OpenID Connect RP-Initiated Logout 1.0 §3).
    fn keep_sign_out_state(&self, state: &str, origin: &Origin) -> Option<HeaderValue>;

    /// Returns the `state` of the latest sign-out of this browser.
    fn sign_out_state(&self, headers: &HeaderMap, origin: &Origin) -> Option<String>;

    /// Removes the `state` of a sign-out, if the request's cookie contains the same `state`.
    fn finish_sign_out(&self, state: &str, headers: &HeaderMap, origin: &Origin) -> Option<HeaderValue>;

    /// Returns the reload counter.
    fn reload_count(&self, headers: &HeaderMap, origin: &Origin) -> Option<ReloadCount>;

    /// Sets the reload counter.
    fn set_reload_count(&self, count: ReloadCount, origin: &Origin) -> Option<HeaderValue>;
}
